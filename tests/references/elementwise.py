"""Rules that treat every number alike: generators that take (gradient, rate), yield the weight.

Each is written in another form than the core's where there is one: means as corrections of the last
mean, bias corrections folded into the rate, signs as comparisons.
"""

import math


def sign(x):
    return (x > 0) - (x < 0)


def mean(old, new, beta):
    return old + (1 - beta) * (new - old)


def sgd(w, *, momentum):
    velocity = 0.0
    while True:
        g, rate = yield w
        velocity = momentum * velocity - rate * g
        w = w + velocity


def heavy_ball(w, *, momentum, weight_decay):
    """Polyak's own form: momentum is a difference of the last two weights."""
    before, last_rate = w, None
    while True:
        g, rate = yield w
        g += weight_decay * w
        drift = 0.0 if last_rate is None else momentum * rate / last_rate * (w - before)
        before, w, last_rate = w, w - rate * g + drift, rate


def sgd_dampened(w, *, momentum, dampening, weight_decay):
    """The velocity as a sum over all updates, the first of which is not dampened."""
    seen = []
    while True:
        g, rate = yield w
        seen.append(g + weight_decay * w)
        shares = [momentum**age for age in reversed(range(len(seen)))]
        late = (1 - dampening) * math.fsum(a * x for a, x in zip(shares[1:], seen[1:], strict=True))
        w -= rate * (shares[0] * seen[0] + late)


def nesterov(w, *, momentum):
    """Sutskever's form: `theta` is at rest, gradients are taken at theta + momentum * v."""
    theta, v = w, 0.0
    while True:
        g, rate = yield theta + momentum * v
        v = momentum * v - rate * g
        theta += v


def signsgd(w):
    while True:
        g, rate = yield w
        w -= rate * sign(g)


def signum(w, *, momentum, weight_decay):
    m = 0.0
    while True:
        g, rate = yield w
        m = mean(m, g, momentum)
        w = (1 - rate * weight_decay) * w - rate * sign(m)


def lion(w, *, beta_1, beta_2, weight_decay):
    m = 0.0
    while True:
        g, rate = yield w
        w = (1 - rate * weight_decay) * w - rate * sign(mean(m, g, beta_1))
        m = mean(m, g, beta_2)


def rprop(w, *, increase, decrease, smallest, largest):
    before, size = 0.0, None
    while True:
        g, rate = yield w
        if size is None:
            size = rate
        if before * g > 0:
            size = min(size * increase, largest)
        elif before * g < 0:
            size = max(size * decrease, smallest)
            g = 0.0
        if g > 0:
            w -= size
        elif g < 0:
            w += size
        before = g


def adagrad(w, *, epsilon):
    seen = []
    while True:
        g, rate = yield w
        seen.append(g)
        w -= rate * g / (math.hypot(*seen) + epsilon)


def adadelta(w, *, rho, epsilon):
    squares = changes = 0.0
    while True:
        g, rate = yield w
        squares = mean(squares, g * g, rho)
        change = -math.sqrt((changes + epsilon) / (squares + epsilon)) * g
        changes = mean(changes, change * change, rho)
        w += rate * change


def rmsprop(w, *, rho, epsilon):
    squares = 0.0
    while True:
        g, rate = yield w
        squares = mean(squares, g * g, rho)
        w -= rate * g / (math.sqrt(squares) + epsilon)


def rmsprop_momentum(w, *, rho, momentum, epsilon):
    squares = velocity = 0.0
    while True:
        g, rate = yield w
        squares = mean(squares, g * g, rho)
        velocity = momentum * velocity - rate * g / (math.sqrt(squares) + epsilon)
        w += velocity


def rmsprop_centred(w, *, rho, momentum, epsilon):
    """The variance as a weighted sum of squared distances from the mean, zeros before the first."""
    seen, velocity = [], 0.0
    while True:
        g, rate = yield w
        seen.append(g)
        weights = [(1 - rho) * rho**age for age in reversed(range(len(seen)))]
        centre = math.fsum(a * x for a, x in zip(weights, seen, strict=True))
        spread = [a * (x - centre) ** 2 for a, x in zip(weights, seen, strict=True)]
        variance = math.fsum([*spread, rho ** len(seen) * centre**2])
        velocity = momentum * velocity - rate * g / math.sqrt(variance + epsilon)
        w += velocity


def adam(w, *, beta_1, beta_2, epsilon):
    """The paper's remark after algorithm 1: both corrections in the rate."""
    m = v = t = 0
    while True:
        g, rate = yield w
        t += 1
        m, v = mean(m, g, beta_1), mean(v, g * g, beta_2)
        root = math.sqrt(1 - beta_2**t)
        w -= rate * root / (1 - beta_1**t) * m / (math.sqrt(v) + epsilon * root)


def adamw(w, *, beta_1, beta_2, epsilon, weight_decay):
    inner = adam(w, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
    moved = next(inner)
    while True:
        g, rate = yield w
        last, moved = moved, inner.send((g, rate))
        w = (1 - rate * weight_decay) * w + (moved - last)


def amsgrad(w, *, beta_1, beta_2, epsilon):
    m, history = 0.0, [0.0]
    while True:
        g, rate = yield w
        m = mean(m, g, beta_1)
        history.append(mean(history[-1], g * g, beta_2))
        w -= rate * m / (math.sqrt(max(history)) + epsilon)


def adamax(w, *, beta_1, beta_2, epsilon):
    """The norm as the largest of all gradients, each faded by its age."""
    m, seen = 0.0, []
    while True:
        g, rate = yield w
        seen.append(abs(g) + epsilon)
        m = mean(m, g, beta_1)
        ages = reversed(range(len(seen)))
        norm = max(x * beta_2**age for age, x in zip(ages, seen, strict=True))
        w -= rate * m / ((1 - beta_1 ** len(seen)) * norm)


def nadam(w, *, beta_1, beta_2, epsilon, momentum_decay):
    def mu(t):
        return beta_1 * (1 - 0.5 * 0.96 ** (momentum_decay * t))

    m = v = t = 0
    while True:
        g, rate = yield w
        t += 1
        m, v = mean(m, g, beta_1), mean(v, g * g, beta_2)
        now = math.prod(mu(k) for k in range(1, t + 1))
        later = now * mu(t + 1)
        ahead = mu(t + 1) / (1 - later) * m + (1 - mu(t)) / (1 - now) * g
        w -= rate * ahead / (math.sqrt(v / (1 - beta_2**t)) + epsilon)


def radam(w, *, beta_1, beta_2, epsilon):
    limit = (1 + beta_2) / (1 - beta_2)
    m = v = t = 0
    while True:
        g, rate = yield w
        t += 1
        m, v = mean(m, g, beta_1), mean(v, g * g, beta_2)
        unbiased = m / (1 - beta_1**t)
        length = limit - 2 * t / (beta_2**-t - 1)
        if length > 4:
            squared = (length - 4) * (length - 2) / length
            squared /= (limit - 4) * (limit - 2) / limit
            unbiased *= math.sqrt(squared) / (math.sqrt(v / (1 - beta_2**t)) + epsilon)
        w -= rate * unbiased


def adabelief(w, *, beta_1, beta_2, epsilon):
    m = s = t = 0
    while True:
        g, rate = yield w
        t += 1
        m = mean(m, g, beta_1)
        s = mean(s, (g - m) * (g - m), beta_2) + epsilon
        w -= rate * m / (1 - beta_1**t) / (math.sqrt(s / (1 - beta_2**t)) + epsilon)


def yogi(w, *, beta_1, beta_2, epsilon):
    m = v = 0.0
    while True:
        g, rate = yield w
        m = mean(m, g, beta_1)
        if v > g * g:
            v -= (1 - beta_2) * g * g
        elif v < g * g:
            v += (1 - beta_2) * g * g
        w -= rate * m / (math.sqrt(v) + epsilon)


def adan(w, *, beta_1, beta_2, beta_3, epsilon, weight_decay):
    m = v = n = t = 0
    before = None
    while True:
        g, rate = yield w
        t += 1
        change = 0.0 if before is None else g - before
        before = g
        m, v = mean(m, g, beta_1), mean(v, change, beta_2)
        n = mean(n, (g + beta_2 * change) ** 2, beta_3)
        ahead = m / (1 - beta_1**t) + beta_2 * v / (1 - beta_2**t)
        w -= rate * ahead / (math.sqrt(n / (1 - beta_3**t)) + epsilon)
        w = w / (1 + rate * weight_decay)


def schedule_free_sgd(w, *, beta_1, weight_decay):
    """The average as a weighted sum of all z, each by the square of its rate."""
    z, zs, weights = w, [], []
    while True:
        g, rate = yield w
        z -= rate * (g + weight_decay * w)
        zs.append(z)
        weights.append(rate * rate)
        x = math.fsum(a * b for a, b in zip(zs, weights, strict=True)) / math.fsum(weights)
        w = (1 - beta_1) * z + beta_1 * x


def schedule_free_adamw(w, *, beta_1, beta_2, epsilon, weight_decay):
    z, zs, weights, v = w, [], [], 0.0
    while True:
        g, rate = yield w
        v = mean(v, g * g, beta_2)
        scale = math.sqrt(v / (1 - beta_2 ** (len(zs) + 1))) + epsilon
        z -= rate * g / scale + rate * weight_decay * w
        zs.append(z)
        weights.append(rate * rate)
        x = math.fsum(a * b for a, b in zip(zs, weights, strict=True)) / math.fsum(weights)
        w = (1 - beta_1) * z + beta_1 * x


def adabound(w, *, beta_1, beta_2, epsilon, final_ratio, gamma):
    """The bounds as sigmoids of log(gamma t)."""
    m = v = t = 0
    while True:
        g, rate = yield w
        t += 1
        m, v = mean(m, g, beta_1), mean(v, g * g, beta_2)
        far = math.log(gamma * t)
        low = final_ratio * rate / (1 + math.exp(-far))
        high = final_ratio * rate * (1 + math.exp(-far))
        own = rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t) / (math.sqrt(v) + epsilon)
        w -= sorted((low, own, high))[1] * m
