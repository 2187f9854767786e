#include "aggregate.hpp"

namespace edgewise {

#define KERNELS(LEVEL)                                                                 \
    {LEVEL::aggregate_sum, LEVEL::aggregate_maximum, LEVEL::aggregate_maximum_senders, \
     LEVEL::aggregate_maximum_weights}

AggregateKernels aggregate_kernels(Level level) {
#if defined(EDGEWISE_X86_LEVELS)
    if (level == Level::v4) return KERNELS(v4);
    if (level == Level::v3) return KERNELS(v3);
#endif
    (void)level;
    return KERNELS(baseline);
}

}  // namespace edgewise
