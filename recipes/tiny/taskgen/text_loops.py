"""Templates of loops over the characters of a text and over words."""

from .loop_template import template

TEXT_TEMPLATES = (
    template("text_run", "text", "p", (
        "Return the length of the longest run of consecutive characters of {a} that {that}.",
        "Find the longest stretch of neighbouring characters in {a} that {that} and return its length."), """
        best = run = 0
        for c in {a}:
            run = run + 1 if {p} else 0
            best = max(best, run)
        return best
        """),
    template("text_index", "text", "p", (
        "Return the index of the first character of {a} that {is}, or -1 if there is none.",
        "Find the position of the first c in {a} that {is}, or -1."), """
        for i, c in enumerate({a}):
            if {p}:
                return i
        return -1
        """),
    template("text_replace", "text", "pv", (
        "Return {a} with every character c that {is} replaced by {mapped}.",
        "In {a} replace each c that {is} by {mapped} and return the text."), """
        return "".join({v} if {p} else c for c in {a})
        """),
    template("text_runs", "text", "v", (
        "Return a list of tuples (value, length) for the runs of equal neighbours among {mapped} for each c of {a}.",
        "Run-length encode {mapped} for each c of {a}: return a list of tuples of a value and how often it repeats."), """
        runs = []
        for c in {a}:
            y = {v}
            if runs and runs[-1][0] == y:
                runs[-1] = (y, runs[-1][1] + 1)
            else:
                runs.append((y, 1))
        return runs
        """),
    template("text_squeeze", "text", "p", (
        "Return {a}, but of neighbouring equal characters that {that} keep only the first.",
        "Squeeze {a}: drop each c that {is} and equals the character before it."), """
        result = ""
        for c in {a}:
            if not (result.endswith(c) and {q}):
                result += c
        return result
        """),
    template("text_split", "text", "p", (
        "Split {a} at each character that {is} and return the list of the pieces, empty ones too.",
        "Cut {a} into pieces at every c that {is}, which is left out; return all pieces, also empty ones."), """
        parts = [""]
        for c in {a}:
            if {p}:
                parts.append("")
            else:
                parts[-1] += c
        return parts
        """),
    template("text_first_places", "text", "p", (
        "Return a dictionary from each character of {a} that {is} to the index of its first occurrence.",
        "Map every c of {a} that {is} to the first index at which it occurs, in a dictionary."), """
        places = {{}}
        for i, c in enumerate({a}):
            if {q} and c not in places:
                places[c] = i
        return places
        """),
    template("text_most_common", "text", "p", (
        'Return the most frequent of the characters of {a} that {that}, the first if tied, or "" if there are none.',
        'Which c that {is} occurs most often in {a}? Return it, the first if tied, or "".'), """
        items = [c for c in {a} if {p}]
        return max(items, key=items.count, default="")
        """),
    template("text_twins", "text", "p", (
        "Return how often a character of {a} that {is} is followed by the same character.",
        "Count the places in {a} where a c that {is} equals the next character."), """
        return sum(1 for c, d in zip({a}, {a}[1:]) if c == d and {q})
        """),
    template("text_reverse_some", "text", "p", (
        "Reverse the order of those characters of {a} that {that}, with all others staying in place.",
        "Return {a} with the characters that {that} in reverse order at their places, the others unchanged."), """
        kept = [c for c in {a} if {p}]
        return "".join(kept.pop() if {p} else c for c in {a})
        """),
    template("text_unique", "text", "v", (
        "Return a list of the distinct values of {mapped} for c in {a}, in order of first appearance.",
        "For each c of {a} take {mapped}; list every value once, in the order in which they first occur."), """
        result = []
        for c in {a}:
            y = {v}
            if y not in result:
                result.append(y)
        return result
        """),
    template("text_depth", "text", "pv", (
        "Return a list of {mapped} for each c of {a}, stopping before the first c that {is}.",
        "Take {mapped} for each c of {a} until one comes that {is}; return the list of what was taken."), """
        result = []
        for c in {a}:
            if {p}:
                break
            result.append({v})
        return result
        """),
    template("text_numbered", "text", "p", (
        "Return a list of tuples (index, character) for the characters of {a} that {that}.",
        "List i and c as a tuple for each c at index i of {a} that {is}."), """
        return [(i, c) for i, c in enumerate({a}) if {p}]
        """),
    template("words_replace", "words", "pv", (
        "Return {a} with every w that {is} replaced by {mapped}.",
        "In the list {a} replace each w that {is} by {mapped} and return the list."), """
        return [{v} if {p} else w for w in {a}]
        """),
    template("words_initials", "words", "p", (
        "Return one string of the first characters, in upper case, of the words in {a} that {that}.",
        "Make an acronym: join the upper case initials of the words of {a} that {that}."), """
        return "".join(w[0].upper() for w in {a} if {p})
        """),
    template("words_by_initial", "words", "p", (
        "Group the words of {a} that {that} into a dictionary of lists by their first character.",
        "Return a dictionary from each first character to the list of the words of {a} that {that} and have it."), """
        groups = {{}}
        for w in {a}:
            if {p}:
                groups.setdefault(w[0], []).append(w)
        return groups
        """),
    template("words_prefix", "words", "p", (
        'Return the longest common prefix of the words in {a} that {that}, or "" if there are none.',
        'Which text do all words of {a} that {that} begin with? Return the longest one, or "" if there are no such '
        "words."), """
        items = [w for w in {a} if {p}]
        prefix = items[0] if items else ""
        for w in items:
            while not w.startswith(prefix):
                prefix = prefix[:-1]
        return prefix
        """),
    template("words_neighbours", "words", "p", (
        'Join each two neighbours of {a} with "-" and return the list of the results that {that}.',
        'Put a "-" between every word of {a} and the next one; list those of the results that {that}.'), """
        pairs = [v + "-" + w for v, w in zip({a}, {a}[1:])]
        return [w for w in pairs if {p}]
        """),
    template("words_lines", "words", "v", (
        "Join {mapped} for each w of {a} with blanks, starting a new text when one would get more than 9 characters. "
        "Return the list of texts.",), """
        lines = []
        for w in {a}:
            y = {v}
            if lines and len(lines[-1]) + 1 + len(y) <= 9:
                lines[-1] += " " + y
            else:
                lines.append(y)
        return lines
        """),
    template("words_places", "words", "p", (
        "Return a dictionary from each word of {a} that {is} to the list of the indices at which it occurs.",
        "For every w of {a} that {is}, map w to a list of all its indices in {a}."), """
        places = {{}}
        for i, w in enumerate({a}):
            if {p}:
                places.setdefault(w, []).append(i)
        return places
        """),
    template("words_longest_run", "words", "v", (
        "Return the largest number of neighbours in {a} for which {mapped} is the same, or 0 if {a} is empty.",
        "For each w of {a} take {mapped}; return the length of the longest run of equal values."), """
        best = run = 0
        last = None
        for w in {a}:
            y = {v}
            run = run + 1 if y == last else 1
            last = y
            best = max(best, run)
        return best
        """),
)
