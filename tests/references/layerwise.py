"""Rules that look at a tensor or at all parameters: generators over nested lists of numbers."""

import math

from tests.references.elementwise import adam, mean


def shaped(function, *lists):
    """`function` of the numbers at each place of vectors or matrices."""
    if isinstance(lists[0], list):
        return [shaped(function, *row) for row in zip(*lists, strict=True)]
    return function(*lists)


def length(values):
    if isinstance(values[0], list):
        return math.hypot(*(x for row in values for x in row))
    return math.hypot(*values)


def lars(w, *, momentum, weight_decay, trust):
    v = shaped(lambda x: 0.0, w)
    while True:
        g, rate = yield w
        local = 1.0
        if length(w) and length(g) + weight_decay * length(w):
            local = trust * length(w) / (length(g) + weight_decay * length(w))
        v = shaped(
            lambda a, x, y, s=rate * local: momentum * a + s * (y + weight_decay * x), v, w, g
        )
        w = shaped(lambda x, a: x - a, w, v)


def lamb(w, *, beta_1, beta_2, epsilon, weight_decay):
    # Adam's own step at rate 1 is what LAMB scales.
    inner = shaped(lambda x: adam(0.0, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon), w)
    moved = shaped(next, inner)
    while True:
        g, rate = yield w
        last, moved = moved, shaped(lambda one, x: one.send((x, 1.0)), inner, g)
        r = shaped(lambda a, b, x: a - b + weight_decay * x, last, moved, w)
        ratio = length(w) / length(r) if length(w) and length(r) else 1.0
        w = shaped(lambda x, y, s=rate * ratio: x - s * y, w, r)


def product(a, b):
    return [[math.fsum(map(float.__mul__, row, col)) for col in zip(*b, strict=True)] for row in a]


def transposed(a):
    return [list(row) for row in zip(*a, strict=True)]


def orthogonalised(x, steps=5):
    """Muon's quintic, on the matrix as it is: x (a + b x'x + c (x'x)^2)."""
    size = length(x) + 1e-7
    x = shaped(lambda value: value / size, x)
    for _ in range(steps):
        squared = product(transposed(x), x)
        fourth = product(squared, squared)
        inner = shaped(lambda p, q: -4.7750 * p + 2.0315 * q, squared, fourth)
        x = shaped(lambda p, q: 3.4445 * p + q, x, product(x, inner))
    return x


def muon(w, *, momentum, weight_decay, beta_1, beta_2, epsilon):
    if not isinstance(w[0], list):
        inner = [adam(0.0, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon) for _ in w]
        moved = [next(one) for one in inner]
        while True:
            g, rate = yield w
            last = moved
            moved = [one.send((x, rate)) for one, x in zip(inner, g, strict=True)]
            parts = zip(w, moved, last, strict=True)
            w = [x * (1 - rate * weight_decay) + a - b for x, a, b in parts]
    m = shaped(lambda x: 0.0, w)
    scale = math.sqrt(max(1, len(w[0]) / len(w)))
    while True:
        g, rate = yield w
        m = shaped(lambda a, x: mean(a, x, momentum), m, g)
        u = orthogonalised(shaped(lambda a, x: mean(a, x, momentum), m, g))
        w = shaped(lambda x, y, r=rate: x * (1 - r * weight_decay) - r * scale * y, w, u)


def rotations(a):
    """Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations."""
    n, a = len(a), [list(row) for row in a]
    vectors = [[float(i == j) for j in range(n)] for i in range(n)]
    for _ in range(30):
        for p in range(n):
            for q in range(p + 1, n):
                if abs(a[p][q]) < 1e-300:
                    continue
                angle = 0.5 * math.atan2(2 * a[p][q], a[q][q] - a[p][p])
                c, s = math.cos(angle), math.sin(angle)
                for rows in (a, vectors):
                    for row in rows:
                        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
                a[p], a[q] = (
                    [c * x - s * y for x, y in zip(a[p], a[q], strict=True)],
                    [s * x + c * y for x, y in zip(a[p], a[q], strict=True)],
                )
    return [a[i][i] for i in range(n)], vectors


def root(a, power):
    values, vectors = rotations(a)
    scaled = [[x * v ** (-1 / power) for x, v in zip(row, values, strict=True)] for row in vectors]
    return product(scaled, transposed(vectors))


def shampoo(w, *, epsilon):
    """A vector is a matrix of one column, whose second axis does not count."""
    column = not isinstance(w[0], list)
    w = [[x] for x in w] if column else w
    left = [[epsilon * (i == j) for j in range(len(w))] for i in range(len(w))]
    right = [[epsilon * (i == j) for j in range(len(w[0]))] for i in range(len(w[0]))]
    while True:
        g, rate = yield [row[0] for row in w] if column else w
        g = [[x] for x in g] if column else g
        left = shaped(lambda x, y: x + y, left, product(g, transposed(g)))
        right = shaped(lambda x, y: x + y, right, product(transposed(g), g))
        if column:
            change = product(root(left, 2), g)
        else:
            change = product(product(root(left, 4), g), root(right, 4))
        w = shaped(lambda x, y, r=rate: x - r * y, w, change)


def prodigy(w, *, beta_1, beta_2, epsilon, weight_decay, initial_distance):
    """Over all parameters; the numerator as a weighted sum over all updates."""
    start, d = list(w), initial_distance
    beta_3 = math.sqrt(beta_2)
    m = v = [0.0] * len(w)
    terms, pulls = [], []
    while True:
        g, rate = yield w
        m = [mean(a, d * x, beta_1) for a, x in zip(m, g, strict=True)]
        v = [mean(a, (d * x) ** 2, beta_2) for a, x in zip(v, g, strict=True)]
        dot = math.fsum(x * (a - b) for x, a, b in zip(g, start, w, strict=True))
        terms.append(rate * d * d * dot)
        pulls.append([rate * d * d * x for x in g])
        w = [
            x - rate * d * (a / (math.sqrt(b) + d * epsilon) + weight_decay * x)
            for x, a, b in zip(w, m, v, strict=True)
        ]
        fades = [(1 - beta_3) * beta_3**age for age in reversed(range(len(terms)))]
        r = math.fsum(a * b for a, b in zip(fades, terms, strict=True))
        s = [math.fsum(map(float.__mul__, fades, column)) for column in zip(*pulls, strict=True)]
        d = max(d, r / math.fsum(map(abs, s)))


def blended(old, new, beta):
    return new if old is None else [mean(a, b, beta) for a, b in zip(old, new, strict=True)]


def adafactor(w, *, exponent, epsilon, smallest, threshold, weight_decay):
    """The paper's own sums over rows and columns, and V from them."""
    rows = columns = v = None
    t = 0
    while True:
        g, rate = yield w
        t += 1
        beta, squares = 1 - t**-exponent, shaped(lambda x: x * x + epsilon, g)
        if isinstance(w[0], list):
            some, more = ([math.fsum(row) for row in one] for one in (squares, transposed(squares)))
            rows, columns = blended(rows, some, beta), blended(columns, more, beta)
            v = [[a * b / math.fsum(rows) for b in columns] for a in rows]
            count = len(w) * len(w[0])
        else:
            v = blended(v, squares, beta)
            count = len(w)
        u = shaped(lambda a, b: a / math.sqrt(b), g, v)
        clipped = max(1.0, length(u) / math.sqrt(count) / threshold)
        step = min(rate, 1 / math.sqrt(t)) * max(smallest, length(w) / math.sqrt(count)) / clipped
        kept = 1 - rate * weight_decay
        w = shaped(lambda x, y, k=kept, s=step: k * x - s * y, w, u)
