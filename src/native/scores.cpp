#include "scores.hpp"

namespace edgewise {

#define KERNELS(LEVEL) {LEVEL::scores_forward, LEVEL::scores_receivers, LEVEL::scores_senders}

ScoresKernels scores_kernels(Level level) {
#if defined(EDGEWISE_X86_LEVELS)
    if (level == Level::v4) return KERNELS(v4);
    if (level == Level::v3) return KERNELS(v3);
#endif
    (void)level;
    return KERNELS(baseline);
}

}  // namespace edgewise
