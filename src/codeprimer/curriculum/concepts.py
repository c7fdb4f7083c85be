"""The concept graph: what is taught, and the prerequisites of each concept.

``CONCEPTS`` is in curriculum order: each concept comes after its prerequisites. The texts are in
``authors.offline.lessons``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Concept:
    """A concept of the curriculum."""

    name: str
    """Its name in operations, exercises and sections."""
    title: str
    prerequisites: tuple[str, ...]
    """Its direct prerequisites."""
    summary: str
    """A gerund phrase, such as ``keeping only the items that pass a test``."""


# Below the name of an area, each concept has two lines:
#     name < prerequisites
#         Title: summary
_GRAPH = """
basics
    variables <
        Variables: giving a value a name
    integers < variables
        Integers and arithmetic: computing with whole numbers
    floats < integers
        Decimal numbers and rounding: computing with decimal numbers and rounding them
    booleans < integers
        Comparisons and booleans: asking questions whose answer is true or false
    functions < variables integers
        Functions: giving a computation a name, inputs and a result
    conditionals < booleans functions
        Conditionals: choosing between two or more ways to go on
    early_return < conditionals
        Early returns: dealing with special cases first and leaving at once
    bounds < conditionals
        Minimum, maximum and bounds: keeping a number inside limits
    divisibility < integers booleans
        Division with remainder: telling whether one number divides another
    powers < integers functions
        Powers and squares: multiplying a number by itself
strings
    strings < variables functions
        Strings: working with text
    string_methods < strings
        String methods: changing case, trimming and replacing text
    string_slicing < strings
        Slices of strings: taking a part of a text by position
    string_reversal < string_slicing booleans
        Reversed text and palindromes: reading a text backwards
    string_formatting < strings integers
        Formatting text: putting values into a text
lists
    lists < variables functions
        Lists: keeping many values in order under one name
    list_indexing < lists
        Positions in a list: reaching the first, the last or any other item
    list_slicing < list_indexing
        Slices of lists: taking a stretch of a list
    list_aggregation < lists bounds
        Totals, sizes and extremes: reducing a list to one number
loops
    for_loops < lists
        For loops: doing something once for every item
    ranges < for_loops
        Counting with range: looping over consecutive numbers
    accumulators < for_loops
        Accumulators: building up a result step by step
    while_loops < booleans variables
        While loops: repeating until a condition no longer holds
    early_exit < for_loops early_return
        Leaving a loop early: stopping as soon as the answer is known
    list_building < accumulators
        Building lists: collecting results in a new list
    nested_loops < ranges accumulators
        Loops inside loops: going through all combinations
numbers
    digits < while_loops divisibility
        The digits of a number: taking a number apart digit by digit
    divisors < ranges divisibility
        Divisors: finding all numbers that divide a number
    primes < divisors early_exit
        Prime numbers: recognising numbers that only one and they themselves divide
    greatest_common_divisor < while_loops divisibility
        The greatest common divisor: finding the largest number that divides two others
comprehensions
    list_mapping < list_building
        Changing every item: making a new list from every item of another
    list_filtering < list_building conditionals
        Keeping some items: keeping only the items that pass a test
    list_comprehensions < list_mapping list_filtering
        List comprehensions: writing a new list as one expression
    any_and_all < list_comprehensions booleans
        Any and all: asking whether some or all items pass a test
text
    character_tests < strings for_loops
        Kinds of characters: telling letters, digits and vowels apart
    character_counting < character_tests accumulators
        Counting characters: counting what occurs in a text
    string_splitting < strings lists
        Splitting and joining: turning a text into words and words into a text
    word_processing < string_splitting list_comprehensions
        Working with words: changing a text word by word
    character_codes < character_tests
        Character codes: shifting letters by their place in the alphabet
tuples
    tuples < lists
        Tuples: keeping a fixed number of values together
    tuple_unpacking < tuples for_loops
        Unpacking tuples: giving each part of a tuple its own name
    pairs < tuple_unpacking list_comprehensions
        Lists of pairs: working with values that belong together
sequences
    enumeration < tuple_unpacking
        Items and their positions: looping over positions and items together
    zipping < tuple_unpacking
        Walking two lists together: pairing the items of two lists
    running_totals < accumulators list_building
        Running totals: noting the sum so far at every step
    adjacent_items < zipping list_slicing
        Neighbours in a list: comparing each item with the next
    list_deduplication < list_building conditionals
        Removing repetitions: keeping each item only once, in order
    list_rotation < list_slicing divisibility
        Rotating lists: moving items from one end to the other
    list_chunking < list_slicing ranges
        Cutting lists into chunks: dividing a list into pieces of equal size
searching
    linear_search < early_exit
        Searching from the start: finding the first item that fits
    position_of_extreme < enumeration bounds
        The position of the largest item: finding where an extreme stands
    binary_search < linear_search while_loops
        Binary search: finding an item in a sorted list by halving
dictionaries
    dictionaries < tuples lists
        Dictionaries: looking values up by a key
    dictionary_lookup < dictionaries conditionals
        Looking up with a default: reading keys that may be missing
    dictionary_iteration < dictionaries tuple_unpacking
        Looping over dictionaries: visiting every key and value
    dictionary_counting < dictionary_lookup accumulators
        Counting with dictionaries: counting how often each item occurs
    dictionary_grouping < dictionary_lookup list_building
        Grouping with dictionaries: collecting items that share a property
    dictionary_comprehensions < dictionary_iteration list_comprehensions
        Dictionary comprehensions: writing a new dictionary as one expression
    dictionary_filtering < dictionary_comprehensions
        Filtering dictionaries: keeping the entries that pass a test
    dictionary_mapping < dictionary_comprehensions
        Changing every value: making new values for the same keys
    dictionary_inversion < dictionary_comprehensions
        Swapping keys and values: finding keys by their values
    dictionary_merging < dictionary_lookup dictionary_iteration
        Merging dictionaries: combining two dictionaries into one
    dictionary_extremes < dictionary_iteration bounds
        The key with the largest value: finding the entry that stands out
sets
    sets < lists booleans
        Sets: keeping distinct values and asking for membership
    set_operations < sets
        Union, intersection and difference: combining and comparing two sets
    subsets < set_operations
        Subsets: asking whether one set lies inside another
sorting
    sorting < lists
        Sorting: putting items in order
    sort_keys < sorting tuples
        Sorting by a key: choosing what the order depends on
    stable_sorting < sort_keys
        Ties in a sort: knowing what happens to equal items
    selection_sort < sorting nested_loops
        Selection sort: sorting by picking the smallest item again and again
    insertion_sort < sorting while_loops
        Insertion sort: sorting by putting each item in its place
nested lists
    nested_lists < list_indexing nested_loops
        Lists of lists: working with rows and columns
    flattening < nested_lists list_building
        Flattening: turning a list of lists into one list
    matrix_sums < nested_lists list_aggregation
        Sums of rows and columns: adding up a table in either direction
    transposition < nested_lists zipping
        Rows into columns: swapping the rows and columns of a table
    diagonals < nested_lists enumeration
        Diagonals: reading a square table from corner to corner
recursion
    recursion_on_numbers < functions conditionals divisibility
        Recursion on numbers: solving a problem by a smaller one
    recursion_on_lists < recursion_on_numbers list_slicing
        Recursion on lists: handling one item and leaving the rest to the same function
    recursion_on_strings < recursion_on_numbers string_slicing
        Recursion on strings: handling one character and leaving the rest to the same function
parsing
    parsing_numbers < string_splitting list_comprehensions
        Numbers out of text: turning text into a list of numbers
    parsing_key_values < parsing_numbers dictionary_iteration
        Keys and values out of text: turning settings into a dictionary
    parsing_records < parsing_numbers pairs
        Records out of text: turning lines of text into tuples
    bracket_matching < character_tests accumulators early_exit
        Matching brackets: checking that every bracket has its partner
classes
    simple_classes < functions conditionals
        Simple classes: keeping data and the functions that work on it together
    object_state < simple_classes
        Methods that change an object: remembering what happened between two calls
    stacks < object_state list_indexing
        Stacks: taking back what was put down last
    counter_classes < object_state dictionary_counting
        Counters and inventories: keeping count in an object
"""


def _read(graph: str) -> Iterator[Concept]:
    lines = [line.strip() for line in graph.splitlines() if line.startswith(" ")]
    for head, text in zip(lines[::2], lines[1::2], strict=True):
        name, _, prerequisites = head.partition(" <")
        title, _, summary = text.partition(": ")
        yield Concept(name, title, tuple(prerequisites.split()), summary)


def check_graph(concepts: Iterable[Concept]) -> None:
    """Raise ValueError unless names are unique and every prerequisite is a concept that comes earlier.

    Such a graph has no cycle.
    """
    seen: set[str] = set()
    for concept in concepts:
        if concept.name in seen:
            raise ValueError(f"concept {concept.name!r} is defined twice")
        for prerequisite in concept.prerequisites:
            if prerequisite not in seen:
                raise ValueError(f"{concept.name!r} builds on {prerequisite!r}, which is no earlier concept")
        seen.add(concept.name)


_ORDERED = tuple(_read(_GRAPH))
check_graph(_ORDERED)

CONCEPTS: Mapping[str, Concept] = MappingProxyType({concept.name: concept for concept in _ORDERED})
"""Every concept by its name, in curriculum order."""

_POSITIONS = {name: position for position, name in enumerate(CONCEPTS)}


def position_of(name: str) -> int:
    """Return a concept's place in the curriculum, from 0."""
    return _POSITIONS[name]
