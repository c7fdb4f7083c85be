"""The syllabus: the operations used in the exercises and the exam.

The catalogue has more operations than a model of a million parameters can learn from a few million tokens
(``docs/experiments.md``). Exercises and exam use this subset, which covers nearly all concepts; the textbooks also show
the other operations.
"""

from __future__ import annotations

_NAMES = """
add multiply square divide_whole remainder distance cap halve_or_add is_even digit_sum reverse_digits digits to_text
divisors is_prime gcd factorial sum_up_to halve_while_even count_up divide round_places upper reverse_text
first_characters repeat_text surround replace_character remove_vowels double_characters text_length count_vowels
count_character is_palindrome split_words list_characters character_codes count_characters keep_even keep_greater
add_each multiply_each square_each absolute_each zero_negatives first_few every_second reverse rotate sort
insertion_sort selection_sort sort_descending dedupe running_totals differences times_position add_lists join_lists
total largest spread count_distinct count_value count_inversions first_above index_of_largest any_above binary_search
last_item is_sorted average minimum_and_maximum upper_each reverse_each append_each number_each keep_longer sort_words
sort_by_length lengths join_with longest_word initials tally_words map_lengths pair_lengths swap
pair_product pair_sum pair_range sort_by_score keep_high_scores names_of scores_of total_by_name keep_entries
scale_values merge_adding sum_values look_up key_of_largest sorted_keys sorted_items invert group_by_initial
group_sizes labels_in_order to_set union intersection is_subset sorted_members chunks flatten row_sums diagonal
transpose parse_numbers parse_settings parse_records drop_first close_bracket is_balanced deepest_bracket push discard
stack_top stack_items deposit withdraw balance add_one tally_entries
"""

PRACTISED = frozenset(_NAMES.split())
"""The names of the practised operations."""
