// Which instructions this processor has, as the levels that compilers know.
#pragma once

namespace edgewise {

// "x86-64-v4", "x86-64-v3", "x86-64-v2", or "baseline" for everything else.
const char* cpu_level();

// The instruction sets that kernels are compiled for.
enum class Level { baseline, v3, v4 };

// The fastest that this processor runs, or the one forced by name ("baseline", "x86-64-v3", "x86-64-v4").
Level kernel_level(const char* forced);

}  // namespace edgewise
