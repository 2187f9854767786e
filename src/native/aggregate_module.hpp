#pragma once

#include <nanobind/nanobind.h>

namespace edgewise {

void bind_aggregate(nanobind::module_& m);

}  // namespace edgewise
