"""Hyperparameters to try, per rule: every one of a rule's hyperparameters takes several values.

`decay` belongs to the harness; sets that have it are compared with the references only, the others
with the stored trajectories too.
"""

SETS = {
    "sgd": [
        {"learning_rate": 0.05},
        {"learning_rate": 0.03, "momentum": 0.5},
        {"learning_rate": 0.01, "momentum": 0.95, "decay": 1e-2},
    ],
    "heavy_ball": [
        {"learning_rate": 0.05, "momentum": 0.0},
        {"learning_rate": 0.02, "momentum": 0.9, "weight_decay": 0.1},
        {"learning_rate": 0.02, "momentum": 0.8, "weight_decay": 0.01, "decay": 1e-2},
    ],
    "sgd_dampened": [
        {"learning_rate": 0.05},
        {"learning_rate": 0.02, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1},
        {"learning_rate": 0.05, "momentum": 0.5, "dampening": 1.0, "decay": 1e-2},
    ],
    "nesterov": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "momentum": 0.5},
        {"learning_rate": 0.01, "momentum": 0.95, "decay": 1e-2},
    ],
    "signsgd": [{"learning_rate": 0.01}, {"learning_rate": 0.003, "decay": 1e-2}],
    "signum": [
        {"learning_rate": 0.01},
        {"learning_rate": 0.02, "momentum": 0.5, "weight_decay": 0.3},
        {"learning_rate": 0.02, "momentum": 0.99, "weight_decay": 0.1, "decay": 1e-2},
    ],
    "lion": [
        {"learning_rate": 0.01},
        {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.9, "weight_decay": 0.3},
        {"learning_rate": 0.02, "beta_1": 0.95, "beta_2": 0.98, "decay": 1e-2},
    ],
    "rprop": [
        {"learning_rate": 0.01},
        {"learning_rate": 0.1, "increase": 1.5, "decrease": 0.3, "smallest": 1e-3, "largest": 0.2},
        {"learning_rate": 0.001, "increase": 1.05, "decrease": 0.9},
    ],
    "adagrad": [
        {"learning_rate": 1.0},
        {"learning_rate": 0.1, "epsilon": 0.1},
        {"learning_rate": 0.1, "epsilon": 1e-3, "decay": 1e-2},
    ],
    "adadelta": [
        {"learning_rate": 1.0},
        {"learning_rate": 0.5, "rho": 0.9, "epsilon": 1e-3},
        {"learning_rate": 2.0, "rho": 0.5, "epsilon": 1e-4, "decay": 1e-2},
    ],
    "rmsprop": [
        {"learning_rate": 0.01},
        {"learning_rate": 0.02, "rho": 0.99, "epsilon": 0.01},
        {"learning_rate": 0.05, "rho": 0.5, "decay": 1e-2},
    ],
    "rmsprop_momentum": [
        {"learning_rate": 0.003},
        {"learning_rate": 0.02, "rho": 0.99, "momentum": 0.5, "epsilon": 0.01},
        {"learning_rate": 0.01, "rho": 0.5, "momentum": 0.8, "decay": 1e-2},
    ],
    "rmsprop_centred": [
        {"learning_rate": 0.001},
        {"learning_rate": 0.01, "rho": 0.99, "momentum": 0.0, "epsilon": 0.01},
        {"learning_rate": 0.005, "rho": 0.8, "momentum": 0.5, "epsilon": 1e-2, "decay": 1e-2},
    ],
    "adam": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01},
        {"learning_rate": 0.05, "beta_1": 0.0, "beta_2": 0.99, "decay": 1e-2},
    ],
    "adamw": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01, "weight_decay": 0.3},
        {"learning_rate": 0.05, "beta_1": 0.95, "weight_decay": 0.1, "decay": 1e-2},
    ],
    "amsgrad": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.8, "epsilon": 0.01},
        {"learning_rate": 0.05, "beta_1": 0.0, "beta_2": 0.99, "decay": 1e-2},
    ],
    "adamax": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01},
        {"learning_rate": 0.05, "beta_1": 0.95, "beta_2": 0.99, "decay": 1e-2},
    ],
    "nadam": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01},
        {"learning_rate": 0.02, "beta_1": 0.95, "momentum_decay": 0.1, "decay": 1e-2},
    ],
    "radam": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01},
        {"learning_rate": 0.03, "beta_1": 0.8, "beta_2": 0.5, "decay": 1e-2},
    ],
    "adabelief": [
        {"learning_rate": 0.02, "epsilon": 1e-16},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": 0.02, "beta_1": 0.95, "beta_2": 0.99, "epsilon": 1e-8, "decay": 1e-2},
    ],
    "yogi": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.05},
        {"learning_rate": 0.02, "beta_1": 0.95, "beta_2": 0.99, "epsilon": 0.01, "decay": 1e-2},
    ],
    "adabound": [
        {"learning_rate": 0.02},
        {
            "learning_rate": 0.05,
            "beta_1": 0.5,
            "beta_2": 0.9,
            "epsilon": 0.01,
            "final_ratio": 0.4,
            "gamma": 0.05,
        },
        {"learning_rate": 0.02, "final_ratio": 1.5, "gamma": 0.01, "decay": 1e-2},
    ],
    "adan": [
        {"learning_rate": 0.02},
        {
            "learning_rate": 0.05,
            "beta_1": 0.9,
            "beta_2": 0.5,
            "beta_3": 0.95,
            "epsilon": 0.01,
            "weight_decay": 0.3,
        },
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.8, "beta_3": 0.9, "decay": 1e-2},
    ],
    "lars": [
        {"learning_rate": 20.0},
        {"learning_rate": 5.0, "momentum": 0.5, "trust": 0.005},
        {"learning_rate": 5.0, "momentum": 0.8, "weight_decay": 0.2, "decay": 1e-2},
    ],
    "lamb": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01, "weight_decay": 0.3},
        {"learning_rate": 0.02, "beta_1": 0.95, "weight_decay": 0.1, "decay": 1e-2},
    ],
    "muon": [
        {"learning_rate": 0.02},
        {
            "learning_rate": 0.05,
            "momentum": 0.8,
            "weight_decay": 0.3,
            "beta_1": 0.8,
            "beta_2": 0.99,
            "epsilon": 1e-3,
        },
        {"learning_rate": 0.02, "momentum": 0.5, "decay": 1e-2},
    ],
    "shampoo": [
        {"learning_rate": 0.1},
        {"learning_rate": 0.5, "epsilon": 0.1},
        {"learning_rate": 0.3, "epsilon": 1e-2, "decay": 1e-2},
    ],
    "adafactor": [
        {"learning_rate": 0.02},
        {
            "learning_rate": 0.5,
            "exponent": 0.5,
            "smallest": 0.8,
            "threshold": 1.2,
            "weight_decay": 0.1,
        },
        {"learning_rate": 0.05, "epsilon": 0.05, "decay": 1e-2},
    ],
    "schedule_free_sgd": [
        {"learning_rate": 0.05},
        {"learning_rate": 0.1, "beta_1": 0.5, "weight_decay": 0.1},
        {"learning_rate": 0.1, "beta_1": 0.95, "weight_decay": 0.01, "decay": 1e-2},
    ],
    "schedule_free_adamw": [
        {"learning_rate": 0.02},
        {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01, "weight_decay": 0.3},
        {"learning_rate": 0.05, "beta_1": 0.95, "weight_decay": 0.01, "decay": 1e-2},
    ],
    "prodigy": [
        {"learning_rate": 1.0, "epsilon": 0.0},
        {
            "learning_rate": 0.5,
            "beta_1": 0.5,
            "beta_2": 0.9,
            "epsilon": 0.0,
            "weight_decay": 0.1,
            "initial_distance": 1e-3,
        },
        {"learning_rate": 1.0, "epsilon": 1e-3, "initial_distance": 1e-4, "decay": 1e-2},
    ],
    "lbfgs": [{"learning_rate": 1.0}, {"learning_rate": 0.3}, {"learning_rate": 2.0, "decay": 0.1}],
    "conjugate_gradients": [
        {"learning_rate": 1.0},
        {"learning_rate": 0.3},
        {"learning_rate": 2.0, "decay": 0.1},
    ],
}
