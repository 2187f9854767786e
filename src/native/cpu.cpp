#include "cpu.hpp"

#include <cstring>

namespace edgewise {

const char* cpu_level() {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    if (v4) return "x86-64-v4";
    if (v3) return "x86-64-v3";
    if (v2) return "x86-64-v2";
#endif
    return "baseline";
}

Level kernel_level(const char* forced) {
    const char* name = forced != nullptr && *forced != '\0' ? forced : cpu_level();
    if (std::strcmp(name, "x86-64-v4") == 0) return Level::v4;
    if (std::strcmp(name, "x86-64-v3") == 0) return Level::v3;
    return Level::baseline;
}

}  // namespace edgewise
