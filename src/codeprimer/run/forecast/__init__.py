"""``codeprimer plan``: the time, memory, disk space and cost of a recipe's steps before any of them starts.

``prediction.py`` holds the request and the result, ``phase_cost.py`` the cost of training on a phase, ``training.py`` the steps
that train a model, ``recorded.py`` all other steps, ``total.py`` the whole run.
"""
