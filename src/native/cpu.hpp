// Which instructions this processor has, as the levels that compilers know.
#pragma once

namespace edgewise {

// "x86-64-v4", "x86-64-v3", "x86-64-v2", or "baseline" for everything else.
const char* cpu_level();

}  // namespace edgewise
