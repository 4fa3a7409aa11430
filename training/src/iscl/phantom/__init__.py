"""An anthropomorphic phantom of analytic shapes, scanned with exact line integrals."""

from .anatomy import LIVER_LESIONS, chest_abdomen
from .lungs import NODULES
from .scan import Protocol, scan_slice, truth_slice
from .scene import Scene
from .trace import plane_integrals, plane_raster

__all__ = [
    "LIVER_LESIONS",
    "NODULES",
    "Protocol",
    "Scene",
    "chest_abdomen",
    "plane_integrals",
    "plane_raster",
    "scan_slice",
    "truth_slice",
]
