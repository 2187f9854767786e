#include "attend.hpp"

namespace edgewise {

#define KERNELS(LEVEL) {LEVEL::attend_forward, LEVEL::attend_backward}

AttendKernels attend_kernels(Level level) {
#if defined(EDGEWISE_X86_LEVELS)
    if (level == Level::v4) return KERNELS(v4);
    if (level == Level::v3) return KERNELS(v3);
#endif
    (void)level;
    return KERNELS(baseline);
}

}  // namespace edgewise
