"""Templates of loops over numbers: lists, single integers, lists of lists, and lists with a second argument."""

from .loop_template import template

NUMBER_TEMPLATES = (
    template("longest_run", "numbers", "p", (
        "Return the length of the longest run of consecutive elements of {a} that {that}.",
        "Find the longest stretch of neighbours in {a} that {that} and return its length."), """
        best = run = 0
        for x in {a}:
            run = run + 1 if {p} else 0
            best = max(best, run)
        return best
        """),
    template("first_index", "numbers", "p", (
        "Return the index of the first element of {a} that {is}, or -1 if there is none.",
        "Find the position of the first number in {a} that {is}, or -1."), """
        for i, x in enumerate({a}):
            if {p}:
                return i
        return -1
        """),
    template("last_index", "numbers", "p", (
        "Return the index of the last element of {a} that {is}, or -1 if there is none.",
        "Find the position of the last number in {a} that {is}, or -1."), """
        last = -1
        for i, x in enumerate({a}):
            if {p}:
                last = i
        return last
        """),
    template("indices", "numbers", "p", (
        "Return the indices of the elements of {a} that {that}.",
        "List the positions of the numbers in {a} that {that}."), """
        return [i for i, x in enumerate({a}) if {p}]
        """),
    template("take_while", "numbers", "pv", (
        "Return {mapped} for each x of {a}, stopping before the first x that {is}.",
        "Go through {a} and list {mapped} for each x, but stop at the first x that {is}, which is left out."), """
        result = []
        for x in {a}:
            if {p}:
                break
            result.append({v})
        return result
        """),
    template("sum_until", "numbers", "p", (
        "Return the sum of the elements of {a} before the first one that {is}.",
        "Add up the numbers in {a} until the first one that {is}, which is not counted."), """
        total = 0
        for x in {a}:
            if {p}:
                break
            total += x
        return total
        """),
    template("drop_while", "numbers", "p", (
        "Return the elements of {a} from the first one that {is} on.",
        "Drop the numbers in {a} before the first one that {is} and return the rest."), """
        for i, x in enumerate({a}):
            if {p}:
                return {a}[i:]
        return []
        """),
    template("partition", "numbers", "p", (
        "Return two lists, the elements of {a} that {that} and the other ones.",
        "Split {a} into a list of the elements that {that} and a list of the rest, in a list."), """
        yes, no = [], []
        for x in {a}:
            (yes if {p} else no).append(x)
        return [yes, no]
        """),
    template("running_maximum", "numbers", "v", (
        "Return the running maximum of {mapped} for each x of {a}.",
        "For each x of {a} return the largest value so far of {mapped}."), """
        result = []
        for x in {a}:
            y = {v}
            result.append(max(result[-1], y) if result else y)
        return result
        """),
    template("running_count", "numbers", "p", (
        "For each element of {a} return how many so far {that}.",
        "Return the running count of the elements of {a} that {that}."), """
        count = 0
        result = []
        for x in {a}:
            if {p}:
                count += 1
            result.append(count)
        return result
        """),
    template("alternating_sum", "numbers", "v", (
        "Return the alternating sum (plus, minus, plus, ...) of {mapped} for each x of {a}.",
        "Add {mapped} for the first x of {a}, subtract it for the second, add it for the third and so on."), """
        total = 0
        sign = 1
        for x in {a}:
            total += sign * ({v})
            sign = -sign
        return total
        """),
    template("differences", "numbers", "v", (
        "Return the differences between neighbours of {mapped} for x in {a}, the later minus the earlier.",
        "Take {mapped} for each x of {a} and return a list of each result minus the one before it."), """
        items = [{v} for x in {a}]
        return [y - x for x, y in zip(items, items[1:])]
        """),
    template("neighbours", "numbers", "p", (
        "Return the sums of neighbours in {a} that {that}.",
        "Add each two neighbours of {a} and return the sums that {that}."), """
        sums = [x + y for x, y in zip({a}, {a}[1:])]
        return [x for x in sums if {p}]
        """),
    template("run_lengths", "numbers", "v", (
        "Return the lengths of the runs of equal neighbours among {mapped} for each x of {a}.",
        "Take {mapped} for each x of {a}; list how long each run of equal consecutive results is."), """
        runs = []
        last = None
        for x in {a}:
            y = {v}
            if y == last:
                runs[-1] += 1
            else:
                runs.append(1)
            last = y
        return runs
        """),
    template("squeeze", "numbers", "v", (
        "Return {mapped} for each x of {a}, leaving out a result equal to the one before.",
        "List {mapped} for each x of {a}, with runs of equal consecutive results reduced to one."), """
        result = []
        for x in {a}:
            y = {v}
            if not result or result[-1] != y:
                result.append(y)
        return result
        """),
    template("replace_if", "numbers", "pv", (
        "Return {a} with every x that {is} replaced by {mapped}.",
        "In {a} replace each x that {is} by {mapped} and return the list."), """
        return [{v} if {p} else x for x in {a}]
        """),
    template("unique_in_order", "numbers", "v", (
        "Return the distinct values of {mapped} for x in {a}, in order of first appearance.",
        "List {mapped} for each x of {a}, but every value only once, when it first comes up."), """
        result = []
        for x in {a}:
            y = {v}
            if y not in result:
                result.append(y)
        return result
        """),
    template("most_common", "numbers", "p", (
        "Return the most frequent of the elements of {a} that {that}, the first if tied, or None if there are none.",
        "Which element of {a} that {is} occurs most often? Return the first such one, or None."), """
        items = [x for x in {a} if {p}]
        return max(items, key=items.count, default=None)
        """),
    template("gcd", "numbers", "p", (
        "Return the greatest common divisor of the elements of {a} that {that}, or 0 if there are none.",
        "Find the greatest common divisor of those elements of {a} that {that}; it is 0 when there are none."), """
        result = 0
        for x in {a}:
            if {p}:
                while x:
                    result, x = x, result % x
        return abs(result)
        """),
    template("gcd_map", "numbers", "v", (
        "Return the greatest common divisor of {mapped} for each x of {a}, or 0 if there are none.",
        "Take {mapped} for each x of {a} and return the greatest common divisor of all, 0 for an empty {a}."), """
        result = 0
        for x in {a}:
            y = {v}
            while y:
                result, y = y, result % y
        return abs(result)
        """),
    template("digits", "positive", "p", (
        "Return the digits of {a} that {that}, from left to right.",
        "List the decimal digits of {a} that {that}."), """
        digits = [int(d) for d in str({a})]
        return [x for x in digits if {p}]
        """),
    template("digit_total", "positive", "v", (
        "Return the sum of {mapped} for each decimal digit x of {a}.",
        "For each decimal digit x of {a} add {mapped}; return the total."), """
        total = 0
        while {a} > 0:
            x = {a} % 10
            total += {v}
            {a} //= 10
        return total
        """),
    template("divisors", "positive", "p", (
        "Return the divisors of {a} that {that}, in ascending order.",
        "List the divisors of {a} that {that}."), """
        divisors = [d for d in range(1, {a} + 1) if {a} % d == 0]
        return [x for x in divisors if {p}]
        """),
    template("divisor_sum", "positive", "v", (
        "Return the sum of {mapped} for each divisor x of {a}.",
        "Add up {mapped} for every divisor x of {a}."), """
        total = 0
        for x in range(1, {a} + 1):
            if {a} % x == 0:
                total += {v}
        return total
        """),
    template("primes", "count", "p", (
        "Return the prime numbers up to {a} that {that}.",
        "List the primes from 2 to {a} that {that}."), """
        primes = [x for x in range(2, {a} + 1) if all(x % d for d in range(2, x))]
        return [x for x in primes if {p}]
        """),
    template("prime_map", "count", "v", (
        "Return {mapped} for each prime number x up to {a}.",
        "Take {mapped} for every prime x from 2 to {a} and return the list."), """
        result = []
        for x in range(2, {a} + 1):
            if all(x % d for d in range(2, x)):
                result.append({v})
        return result
        """),
    template("fibonacci", "count", "p", (
        "Return the Fibonacci numbers 1, 1, 2, 3, ... up to {a} that {that}.",
        "List each of the Fibonacci numbers 1, 1, 2, 3, 5, ... not above {a} that {is}."), """
        result = []
        x, y = 1, 1
        while x <= {a}:
            if {p}:
                result.append(x)
            x, y = y, x + y
        return result
        """),
    template("row_counts", "rows", "p", (
        "For each row of {a} return how many of its elements {that}.",
        "Return the number of elements that {that} in each row of {a}."), """
        return [sum(1 for x in row if {p}) for row in {a}]
        """),
    template("row_sums", "rows", "v", (
        "For each row of {a} return the sum of {mapped} for its elements x.",
        "Return a list with the sum of {mapped} over the elements x of each row of {a}."), """
        return [sum({v} for x in row) for row in {a}]
        """),
    template("flatten", "rows", "pv", (
        "Flatten {a} and return {mapped} for each element x that {is}.",
        "Return {mapped} for each x that {is} in the rows of {a}, as one flat list."), """
        return [{v} for row in {a} for x in row if {p}]
        """),
    template("rows_with", "rows", "p", (
        "Return the rows of {a} in which some element {is}.",
        "Keep the rows of {a} that have an element that {is}."), """
        return [row for row in {a} if any({p} for x in row)]
        """),
    template("nested_total", "rows", "p", (
        "Return the sum of all elements of the rows of {a} that {that}.",), """
        total = 0
        for row in {a}:
            for x in row:
                if {p}:
                    total += x
        return total
        """),
    template("local_maxima", "numbers", "p", (
        "Return the elements of {a} that are greater than both neighbours and that {that}.",
        "List each x of {a} that {is} and is larger than the element before it and the one after it."), """
        return [x for w, x, y in zip({a}, {a}[1:], {a}[2:]) if w < x > y and {q}]
        """),
    template("records", "numbers", "p", (
        "Return the elements of {a} that {that} and are greater than all elements before them.",
        "List each x of {a} that {is} and is larger than everything before it in {a}."), """
        result = []
        best = None
        for x in {a}:
            if best is None or x > best:
                best = x
                if {p}:
                    result.append(x)
        return result
        """),
    template("stack", "numbers", "p", (
        "Go through {a}: push each x that {is} on a stack, for any other pop the top (if any). Return the stack.",
        "Start with an empty list. Each x of {a} that {is} is appended; any other removes the last item, if there is "
        "one. Return the list."), """
        stack = []
        for x in {a}:
            if {p}:
                stack.append(x)
            elif stack:
                stack.pop()
        return stack
        """),
    template("switch", "numbers", "p", (
        "A switch is off at first; each x of {a} that {is} flips it. Return the other elements met while it is on.",
        "Go through {a} with a switch that is off. An x that {is} flips it; any other x is kept if it is on. Return "
        "what was kept."), """
        on = False
        result = []
        for x in {a}:
            if {p}:
                on = not on
            elif on:
                result.append(x)
        return result
        """),
    template("balance", "numbers", "pv", (
        "Start at 0. For each x of {a} add {mapped} if x {is}, otherwise subtract 1. Return the final value.",
        "Return the total over {a}, to which an x that {is} adds {mapped} and any other x adds -1."), """
        total = 0
        for x in {a}:
            if {p}:
                total += {v}
            else:
                total -= 1
        return total
        """),
    template("pair_sums", "numbers", "p", (
        "Return the number of pairs of elements at different positions of {a} whose sum {is}.",
        "Count the pairs of positions i < j in {a} for which the sum of the two elements {is}."), """
        count = 0
        for i in range(len({a})):
            for j in range(i + 1, len({a})):
                x = {a}[i] + {a}[j]
                if {p}:
                    count += 1
        return count
        """),
    template("even_places", "numbers", "pv", (
        "Return {mapped} for each x at an even index of {a} that {is}.",
        "Look at the elements at indices 0, 2, 4, ... of {a}; return {mapped} for each x of them that {is}."), """
        return [{v} for x in {a}[::2] if {p}]
        """),
    template("count_steps", "numbers", "p", (
        "Return how often an element of {a} that {is} comes directly after one that does not.",
        "Count the places in {a} where an element that {is} follows directly one for which this is not so."), """
        count = 0
        before = True
        for x in {a}:
            now = {p}
            if now and not before:
                count += 1
            before = now
        return count
        """),
    template("collatz", "positive", "p", (
        "From {a} on, halve an even number and turn an odd x into 3x + 1, until 1. Count the numbers on the way, {a} "
        "and 1 included, that {that}.",
        "Return how many numbers of the Collatz sequence of {a}, from {a} to 1, {that}."), """
        x = {a}
        count = 0
        while True:
            if {p}:
                count += 1
            if x == 1:
                return count
            x = x // 2 if x % 2 == 0 else 3 * x + 1
        """),
    template("prime_factors", "positive", "p", (
        "Return the prime factors of {a}, with repetition and in ascending order, that {that}.",
        "Factor {a} into primes and list those that {that}, repeated ones too, smallest first."), """
        rest = {a}
        result = []
        x = 2
        while rest > 1:
            while rest % x == 0:
                rest //= x
                if {p}:
                    result.append(x)
            x += 1
        return result
        """),
    template("powers", "count", "p", (
        "Return the powers of 2 (1, 2, 4, ...) up to {a} that {that}.",
        "List 1, 2, 4, 8, ... up to {a}, but only those that {that}."), """
        result = []
        x = 1
        while x <= {a}:
            if {p}:
                result.append(x)
            x *= 2
        return result
        """),
    template("triangular", "count", "p", (
        "Return the triangular numbers 1, 3, 6, 10, ... up to {a} that {that}.",
        "List those of the sums 1, 1 + 2, 1 + 2 + 3, ... up to {a} that {that}."), """
        result = []
        x, step = 1, 2
        while x <= {a}:
            if {p}:
                result.append(x)
            x += step
            step += 1
        return result
        """),
    template("row_index", "rows", "p", (
        "Return the index of the row of {a} with the most elements that {that} (the first if tied), or -1 without rows.",
        "Find the row of {a} that has most elements that {that} and return its index; the first if tied, -1 if {a} is "
        "empty."), """
        best, most = -1, -1
        for i, row in enumerate({a}):
            count = sum(1 for x in row if {p})
            if count > most:
                best, most = i, count
        return best
        """),
    template("row_best", "rows", "v", (
        "Return the largest sum of {mapped} over the elements x of a row of {a}, or 0 if there are no rows.",
        "For each row of {a} add up {mapped} for its elements x; return the largest total, or 0 without rows."), """
        return max([sum({v} for x in row) for row in {a}], default=0)
        """),
    template("windows", "numbers", "p", (
        "Return those sums of {b} consecutive elements of {a} that {that}.",
        "Add up every {b} consecutive elements of {a} and list the sums that {that}."), """
        sums = [sum({a}[i:i + {b}]) for i in range(len({a}) - {b} + 1)]
        return [x for x in sums if {p}]
        """, "take"),
    template("chunks", "numbers", "v", (
        "Cut {a} into pieces of {b} elements (the last may be shorter); return the sum of {mapped} over each piece.",
        "For every {b} elements of {a} in turn, the last ones too, return the total of {mapped} for x in them."), """
        result = []
        for i in range(0, len({a}), {b}):
            result.append(sum({v} for x in {a}[i:i + {b}]))
        return result
        """, "take"),
    template("rotate", "numbers", "p", (
        "Move the first {b} elements of {a} to its end and return those of the resulting list that {that}.",
        "Return the elements that {that} of the list {a} without its first {b}, followed by these."), """
        items = {a}[{b}:] + {a}[:{b}]
        return [x for x in items if {p}]
        """, "take"),
    template("budget", "numbers", "v", (
        "Return how many elements x can be taken from the front of {a} until the total of {mapped} exceeds {b}.",
        "Add up {mapped} for each x of {a}, and stop when the total is more than {b}; return how many x were added "
        "without passing {b}."), """
        total = count = 0
        for x in {a}:
            total += {v}
            if total > {b}:
                break
            count += 1
        return count
        """, "small"),
    template("nth_match", "numbers", "p", (
        "Return element number {b} (from 1) of those in {a} that {that}, or None if there are not so many.",
        "Find the {b}-th element of {a}, counted from 1, that {is}; None if there are fewer."), """
        for x in {a}:
            if {p}:
                {b} -= 1
                if {b} == 0:
                    return x
        return None
        """, "take"),
    template("merge", "numbers", "p", (
        "Return one sorted list of the elements of {a} and of {b} that {that}.",
        "Put the numbers of {a} and {b} that {that} into one list in ascending order."), """
        return sorted(x for x in {a} + {b} if {p})
        """, "small_numbers"),
    template("common", "numbers", "p", (
        "Return a sorted list of the distinct values that {that} and are in both {a} and {b}.",
        "List, in ascending order and once each, the numbers that occur in {a} and in {b} and that {that}."), """
        return sorted(x for x in set({a}) & set({b}) if {p})
        """, "small_numbers"),
    template("dot", "numbers", "v", (
        "Return the sum of the products of {mapped} and y over the pairs x, y of {a} and {b}.",
        "For the pairs x, y of {a} and {b}, add up {mapped}, each multiplied by y."), """
        total = 0
        for x, y in zip({a}, {b}):
            total += ({v}) * y
        return total
        """, "small_numbers"),
)
