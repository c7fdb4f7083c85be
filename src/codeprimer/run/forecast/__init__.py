"""``codeprimer plan``: the time, memory, disk space and cost of a recipe's steps before any of them starts.

``prediction.py`` defines the request and the result; ``phase_cost.py`` determines the cost of a training phase; ``training.py``
predicts the steps that train a model, ``recorded.py`` all other steps, and ``total.py`` the whole run.
"""
