// The Python face of the compiled part. Tensors arrive as addresses: Python has checked shape, type and strides.
#include <nanobind/nanobind.h>

#include <cstdint>

#include "cpu.hpp"
#include "merge.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <typename T>
T* at(uintptr_t address) {
    return reinterpret_cast<T*>(address);
}

int64_t merge_runs(int operation, int64_t rows, uintptr_t a_offsets, uintptr_t a_start, uintptr_t a_stop,
                   uintptr_t b_offsets, uintptr_t b_start, uintptr_t b_stop, uintptr_t out_offsets,
                   uintptr_t out_start, uintptr_t out_stop) {
    if (operation < 0 || operation > 2) {
        throw nb::value_error("merge_runs: operation must be 0 (union), 1 (intersection) or 2 (difference)");
    }
    const edgewise::Runs a{at<const int64_t>(a_offsets), at<const int32_t>(a_start), at<const int32_t>(a_stop)};
    const edgewise::Runs b{at<const int64_t>(b_offsets), at<const int32_t>(b_start), at<const int32_t>(b_stop)};
    const edgewise::RunsOut out{at<int64_t>(out_offsets), at<int32_t>(out_start), at<int32_t>(out_stop)};
    nb::gil_scoped_release unlocked;
    return edgewise::merge_runs(static_cast<edgewise::SetOperation>(operation), rows, a, b, out);
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "The compiled part of edgewise. Its arguments are data_ptr() addresses, checked by its callers.";
    m.def("cpu_level", &edgewise::cpu_level);
    m.def("merge_runs", &merge_runs, "operation"_a, "rows"_a, "a_offsets"_a, "a_start"_a, "a_stop"_a,
          "b_offsets"_a, "b_start"_a, "b_stop"_a, "out_offsets"_a, "out_start"_a, "out_stop"_a);
}
