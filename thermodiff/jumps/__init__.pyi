"""The public names of the room, for the lazy loader and for type checkers."""

from .uniform import UniformNoise as UniformNoise
from .masked import MaskedNoise as MaskedNoise
from .masked import unmasking_entropy as unmasking_entropy
from .masked import unmasking_cross_entropy as unmasking_cross_entropy
from .entropy_production import jump_rates as jump_rates
from .entropy_production import JumpRates as JumpRates
from .entropy_production import entropy_production as entropy_production
from .entropy_production import EntropyProduction as EntropyProduction
from .concrete_score import concrete_score as concrete_score
from .concrete_score import score_entropy as score_entropy
from .concrete_score import ScoreEntropy as ScoreEntropy
from .concrete_score import model_distribution as model_distribution
