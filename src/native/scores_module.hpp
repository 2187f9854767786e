#pragma once

#include <nanobind/nanobind.h>

namespace edgewise {

void bind_scores(nanobind::module_& m);

}  // namespace edgewise
