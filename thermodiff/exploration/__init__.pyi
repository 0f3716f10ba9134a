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
from .boundary.exact import exact_pass_at_k as exact_pass_at_k
from .boundary.exact import unsolvable as unsolvable
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
from .exchange.exact_entropies import exact_entropies as exact_entropies
from .exchange.exact_cost import exact_cost_of_accuracy as exact_cost_of_accuracy
from .exchange.exact_cost import exact_cost_by_problem as exact_cost_by_problem
from .exchange.step_share import share_bought as share_bought
from .exchange.free_energy import free_energy as free_energy
from .exchange.free_energy import dissipated_work as dissipated_work
from .exchange.free_energy import least_cost_of_mean_accuracy as least_cost_of_mean_accuracy
from .exchange.entropy_production import policy_entropy_production as policy_entropy_production
from .exchange.entropy_production import exact_entropy_production as exact_entropy_production
from .exchange.reversal import reverse_tokens as reverse_tokens
from .exchange.reversal import reverse_blocks as reverse_blocks
from .exchange.reversal import blocks_between as blocks_between

# problems whose answers can be checked
from .tasks.task import Task as Task
from .tasks.task import EnumeratedTask as EnumeratedTask
from .tasks.task import Forms as Forms
from .tasks.task import words_of as words_of
from .tasks.task import tokens_of as tokens_of
from .tasks.checks import check_task as check_task
from .tasks.countdown import Countdown as Countdown
from .tasks.countdown_free import CountdownFree as CountdownFree
from .tasks.countdown_free import DEFECTS as DEFECTS
from .tasks.countdown_attempts import AttemptMixture as AttemptMixture
from .tasks.countdown_attempts import countdown_attempts as countdown_attempts
from .tasks.table import task_of_texts as task_of_texts
from .tasks.gym import ReasoningGym as ReasoningGym

# methods of training, arrays of any library in and out
from .methods.advantages import group_relative_advantage as group_relative_advantage
from .methods.advantages import rloo_advantage as rloo_advantage
from .methods.advantages import pass_at_k_advantage as pass_at_k_advantage
from .methods.advantages import positive_only as positive_only
from .methods.advantages import negative_only as negative_only
from .methods.advantages import varied_groups as varied_groups
from .methods.shaping import perplexity_shaped_advantage as perplexity_shaped_advantage
from .methods.shaping import position_shaped_advantage as position_shaped_advantage
from .methods.losses import clipped_policy_loss as clipped_policy_loss
from .methods.losses import policy_loss_terms as policy_loss_terms
from .methods.losses import token_mean as token_mean
from .methods.covariance import clip_cov_mask as clip_cov_mask
from .methods.covariance import kl_cov_penalty as kl_cov_penalty
from .methods.selection import select_for_finetuning as select_for_finetuning
from .methods.selection import response_mean as response_mean

# policies with known gradients
from .policies.tabular import TabularPolicy as TabularPolicy
from .policies.prefix_tabular import PrefixTabularPolicy as PrefixTabularPolicy
from .policies.shared_features import SharedFeaturePolicy as SharedFeaturePolicy
from .policies.weights import PassAtKGradient as PassAtKGradient
from .policies.weights import PassAtKTraining as PassAtKTraining
from .policies.weights import exact_weights as exact_weights
from .policies.weights import sampled_weights as sampled_weights

# policies that are networks, trained on texts and by rewards
from .policies.policy import TokenPolicy as TokenPolicy
from .policies.networks import transformer_policy as transformer_policy
from .policies.networks import recurrent_policy as recurrent_policy
from .learning.imitation import Texts as Texts
from .learning.imitation import ImitationConfig as ImitationConfig
from .learning.imitation import imitate as imitate
from .learning.methods import Method as Method
from .learning.reinforcement import ReinforcementConfig as ReinforcementConfig
from .learning.reinforcement import reinforce as reinforce
from .learning.reinforcement import reinforce_sweep as reinforce_sweep
from .learning.steps import Learned as Learned
from .learning.steps import LearningDivergedError as LearningDivergedError
from .learning.drawing import draw_rollouts as draw_rollouts
from .learning.exact import form_log_probs as form_log_probs

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
