"""One step after another: a network says what comes next, hears it, and goes on."""

from edgewise.generation.decodable import check_decodable
from edgewise.generation.generate import generate, stream
from edgewise.generation.sampling import Sampling, among_likeliest, among_likely

__all__ = ["Sampling", "among_likeliest", "among_likely", "check_decodable", "generate", "stream"]
