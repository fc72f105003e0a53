"""Arrays -> estimates: pure functions; whoever needs randomness passes the generator in.

Infinity is a diverged run or a target never reached, and takes part in everything; NaN raises
ValueError. An interval that too few values cannot give has infinite ends. How far each interval
and test keeps its promise is in docs/statistics.md; `python -m bench.studies.validate` writes it.
"""

from bench.stats.across import (
    best_on_next,
    critical_difference,
    hierarchical_interval,
    studentized_range,
    together,
)
from bench.stats.bootstrap import (
    RESAMPLES,
    bootstrap_interval,
    bounded_mean_interval,
    interquartile_mean,
    interquartile_mean_interval,
)
from bench.stats.budget import (
    Sensitivity,
    expected_best,
    expected_best_interval,
    median_best,
    sensitivity,
    sensitivity_interval,
)
from bench.stats.decision import Answer, Comparison, Margin, Scale, compare, held
from bench.stats.location import (
    CONFIDENCE,
    interval_ranks,
    median,
    median_interval,
    quantile,
    quantile_interval,
    quantiles,
    share_interval,
)
from bench.stats.paired import (
    SignedRanks,
    Signs,
    Superiority,
    differences,
    holm,
    log_ratios,
    sign_test,
    superiority,
    wilcoxon,
)
from bench.stats.profiles import (
    normalised_scores,
    performance_profile,
    performance_ratios,
    ranks,
    stratified_interval,
    win_matrix,
)
from bench.stats.seeds import (
    fewest_seeds,
    seeds_advised,
    seeds_for_width,
    seeds_to_decide,
    seeds_to_find,
    seeds_to_place,
    smallest_p,
)
from bench.stats.sequential import (
    fewest_watched,
    median_sequence,
    median_sequences,
    share_sequence,
)
from bench.stats.survival import Reached, kaplan_meier, time_to_target
from bench.stats.variance import Shares, as_ranks, variance_shares

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Answer",
    "Comparison",
    "Margin",
    "Reached",
    "Scale",
    "Sensitivity",
    "Shares",
    "SignedRanks",
    "Signs",
    "Superiority",
    "as_ranks",
    "best_on_next",
    "bootstrap_interval",
    "bounded_mean_interval",
    "compare",
    "critical_difference",
    "differences",
    "expected_best",
    "expected_best_interval",
    "fewest_seeds",
    "fewest_watched",
    "held",
    "hierarchical_interval",
    "holm",
    "interquartile_mean",
    "interquartile_mean_interval",
    "interval_ranks",
    "kaplan_meier",
    "log_ratios",
    "median",
    "median_best",
    "median_interval",
    "median_sequence",
    "median_sequences",
    "normalised_scores",
    "performance_profile",
    "performance_ratios",
    "quantile",
    "quantile_interval",
    "quantiles",
    "ranks",
    "seeds_advised",
    "seeds_for_width",
    "seeds_to_decide",
    "seeds_to_find",
    "seeds_to_place",
    "sensitivity",
    "sensitivity_interval",
    "share_interval",
    "share_sequence",
    "sign_test",
    "smallest_p",
    "stratified_interval",
    "studentized_range",
    "superiority",
    "time_to_target",
    "together",
    "variance_shares",
    "wilcoxon",
    "win_matrix",
]
