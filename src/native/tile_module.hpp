#pragma once

#include <nanobind/nanobind.h>

namespace edgewise {

void bind_tiles(nanobind::module_& m);

}  // namespace edgewise
