"""The public names of the room in the order in which a report uses them, for the lazy loader and for type checkers."""

# rollouts, from what was left on disk
from .rollouts import Counts as Counts
from .rollouts import Rollouts as Rollouts
from .rollouts import by_step as by_step
from .rollouts import paired as paired
from .loading import load_rollouts as load_rollouts
from .named import named_rollouts as named_rollouts

# the capability boundary
from .boundary.pass_at_k import pass_at_k as pass_at_k
from .boundary.pass_at_k_intervals import pass_at_k_interval as pass_at_k_interval
from .boundary.pass_at_k_intervals import pass_at_k_difference as pass_at_k_difference
from .boundary.crossing import crossing as crossing
from .boundary.unsolvable import unsolvable_problems as unsolvable_problems
from .boundary.unsolvable import boundary_certificate as boundary_certificate
from .boundary.shift import boundary_shift as boundary_shift
from .boundary.changed_problems import changed_problems as changed_problems
from .boundary.answers import answer_diversity as answer_diversity
from .boundary.answers import majority_at_k as majority_at_k
from .extrapolation.extrapolate import extrapolate_pass_at_k as extrapolate_pass_at_k
from .extrapolation.extrapolate import extrapolate_difference as extrapolate_difference

# tokens
from .tokens.statistics import token_statistics as token_statistics
from .tokens.entropies import token_entropy as token_entropy
from .tokens.entropy_from_lists import entropy_bounds as entropy_bounds
from .tokens.surprise import surprise_entropy_gap as surprise_entropy_gap
from .tokens.branching import rollout_branching_factor as rollout_branching_factor
from .tokens.positions import position_profile as position_profile
from .tokens.perplexities import perplexity_profile as perplexity_profile

# the exchange of entropy for performance
from .exchange.stages import entropy_stages as entropy_stages
from .exchange.entropy_law import fit_entropy_law as fit_entropy_law
from .exchange.identity import entropy_exchange as entropy_exchange
from .exchange.identity import exchange_identity as exchange_identity
from .exchange.covariance import entropy_covariance as entropy_covariance
from .exchange.cost import cost_of_accuracy as cost_of_accuracy
from .exchange.cost import binary_divergence as binary_divergence

# a diffusion as a policy: denoising steps are actions (these start JAX)
from .diffusion_policy.rewards import Balls as Balls
from .diffusion_policy.rewards import HalfSpace as HalfSpace
from .diffusion_policy.rewards import Quadratic as Quadratic
from .diffusion_policy.tilt import RewardTilt as RewardTilt
from .diffusion_policy.tilt import reward_tilt as reward_tilt
from .diffusion_policy.tilt import tilted_distribution as tilted_distribution
from .diffusion_policy.tilt import tilted_score as tilted_score
from .diffusion_policy.reverse_chain import ReverseChain as ReverseChain
from .diffusion_policy.reverse_chain import reverse_chain as reverse_chain
from .diffusion_policy.config import FineTuningConfig as FineTuningConfig
from .diffusion_policy.controlled import ControlledScore as ControlledScore
from .diffusion_policy.controlled import controlled_score as controlled_score
from .diffusion_policy.fine_tuning import FineTuned as FineTuned
from .diffusion_policy.fine_tuning import FineTuningDivergedError as FineTuningDivergedError
from .diffusion_policy.fine_tuning import fine_tune_diffusion as fine_tune_diffusion
from .diffusion_policy.path_ledger import PathLedger as PathLedger
from .diffusion_policy.path_ledger import path_ledger as path_ledger
from .diffusion_policy.line import LineLedger as LineLedger
from .diffusion_policy.line import line_ledger as line_ledger
from .diffusion_policy.finite_steps import FiniteSteps as FiniteSteps
from .diffusion_policy.finite_steps import finite_step_optima as finite_step_optima
