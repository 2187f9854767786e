#include "attend.hpp"

#include <cstring>

#include "cpu.hpp"

namespace edgewise {

Kernels kernels(const char* forced) {
#if defined(EDGEWISE_X86_LEVELS)
    const char* level = forced != nullptr && *forced != '\0' ? forced : cpu_level();
    if (std::strcmp(level, "x86-64-v4") == 0) return v4::kernels();
    if (std::strcmp(level, "x86-64-v3") == 0) return v3::kernels();
#else
    (void)forced;
#endif
    return baseline::kernels();
}

}  // namespace edgewise
