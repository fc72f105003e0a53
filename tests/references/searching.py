"""Rules with a line search, on the landscape as a full batch has it: always the same noise.

The inverse Hessian is a matrix, built anew from the pairs by BFGS's formula; cubics are written
out by their coefficients.
"""

import math

from tests.references import landscape


def at(w):
    return landscape.loss(w, 1), landscape.gradient(w, 1)


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def moved(w, step, d):
    return [x + step * y for x, y in zip(w, d, strict=True)]


def minimum(one, other, low, high):
    """Of f(x1 + u) = f1 + s1 u + b u^2 + a u^3 through both ends, within [low, high]."""
    (x1, f1, s1), (x2, f2, s2) = one, other
    h = x2 - x1
    slope = (f2 - f1) / h
    a = (s1 + s2 - 2 * slope) / h**2
    b = (3 * slope - 2 * s1 - s2) / h
    inside = b * b - 3 * a * s1
    if inside < 0:
        return (low + high) / 2
    # The root where the second derivative, 2 b + 6 a u, is positive.
    u = -s1 / (b + math.sqrt(inside))
    return min(max(x1 + u, low), high)


def search(w, d, first, flat, most=25):
    """The step's length: away from the start until a minimum lies between, then towards it."""

    def point(step):
        loss, g = at(moved(w, step, d))
        return step, loss, dot(g, d)

    start = point(0.0)
    armijo = lambda p: p[1] <= start[1] + 1e-4 * p[0] * start[2]  # noqa: E731
    wolfe = lambda p: abs(p[2]) <= flat * abs(start[2])  # noqa: E731

    def between(low, high, stuck, left):
        a, b = min(low[0], high[0]), max(low[0], high[0])
        if not left or (b - a) * max(map(abs, d)) < 1e-9:
            return low[0]
        step = minimum(low, high, a, b)
        close = min(b - step, step - a) < 0.1 * (b - a)
        if close and (stuck or step in (a, b)):
            step = b - 0.1 * (b - a) if b - step < step - a else a + 0.1 * (b - a)
            close = False
        new = point(step)
        if not armijo(new) or new[1] >= low[1]:
            pair = (low, new) if low[1] <= new[1] else (new, low)
            return between(*pair, close, left - 1)
        if wolfe(new):
            return new[0]
        return between(new, low if new[2] * (high[0] - low[0]) >= 0 else high, close, left - 1)

    last, new = start, point(first)
    for tried in range(1, most + 1):
        if not armijo(new) or (tried > 2 and new[1] >= last[1]):
            break
        if wolfe(new):
            return new[0]
        if new[2] >= 0:
            break
        step = minimum(last, new, new[0] + 0.01 * (new[0] - last[0]), 10 * new[0])
        last, new = new, point(step)
    return between(*sorted((last, new), key=lambda p: p[1]), False, most - tried)


def inverse_hessian(pairs, size):
    H = [[float(i == k) for k in range(size)] for i in range(size)]
    if pairs:
        s, y = pairs[-1]
        H = [[x * dot(s, y) / dot(y, y) for x in row] for row in H]
    for s, y in pairs:
        rho = 1 / dot(s, y)
        Hy = [dot(row, y) for row in H]
        both, n = rho**2 * dot(y, Hy) + rho, range(size)
        cross = [[rho * (s[i] * Hy[k] + Hy[i] * s[k]) for k in n] for i in n]
        H = [[H[i][k] - cross[i][k] + both * s[i] * s[k] for k in n] for i in n]
    return H


def lbfgs(w):
    pairs, last = [], None
    while True:
        g, rate = yield w
        if last is not None:
            s, y = last[0], [a - b for a, b in zip(g, last[1], strict=True)]
            if dot(s, y) > 1e-10:
                pairs = [*pairs, (s, y)][-10:]
        d = [-dot(row, g) for row in inverse_hessian(pairs, len(w))]
        first = rate if pairs else rate / max(1.0, sum(map(abs, g)))
        step = search(w, d, first, 0.9) if dot(g, d) < 0 else 0.0
        last = [step * x for x in d], g
        w = moved(w, step, d)


def conjugate_gradients(w):
    d, before, length, slope = [0.0] * len(w), None, 0.0, 0.0
    while True:
        g, rate = yield w
        beta = 0.0
        if before is not None:
            change = [a - b for a, b in zip(g, before, strict=True)]
            beta = max(0.0, dot(g, change) / dot(before, before))
        d = moved([-x for x in g], beta, d)
        if dot(g, d) >= 0:
            d = [-x for x in g]
        now = dot(g, d)
        known = length > 0 and now < 0
        first = rate * (length * slope / now if known else 1 / max(1.0, sum(map(abs, g))))
        length = search(w, d, first, 0.1) if now < 0 else 0.0
        before, slope = g, now
        w = moved(w, length, d)
