// The Python face of the compiled part. Tensors arrive as addresses: Python has checked shape, type and strides.
#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "aggregate_module.hpp"
#include "attend.hpp"
#include "cpu.hpp"
#include "fields.hpp"
#include "locality.hpp"
#include "merge.hpp"
#include "pages.hpp"
#include "scores_module.hpp"
#include "tile_module.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using edgewise::Fields;

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

// Room that nothing outside of a call needs.
std::unique_ptr<char[]> scratch(int64_t bytes) { return std::unique_ptr<char[]>(new char[static_cast<size_t>(bytes)]); }

void attend_forward(const char* level, const edgewise::Rows& rows, const edgewise::Attend& numbers,
                    const nb::tuple& tensors, const nb::list& made) {
    const edgewise::Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    edgewise::Forward f{};
    f.out = fields.nodes<void*>();
    f.rest = fields.address<void>();
    f.log_sum = fields.address<void>();
    f.heard_edge = fields.address<void>();
    f.weights = fields.address<void>();
    f.so_far = fields.address<void>();
    f.partial = fields.address<void>();
    nb::gil_scoped_release unlocked;
    std::unique_ptr<char[]> log_sum;
    if (f.log_sum == nullptr && f.weights != nullptr) {
        log_sum = scratch(a.num_receivers * a.num_heads * edgewise::bytes_exact(a.storage));
        f.log_sum = log_sum.get();
    }
    edgewise::ask_for_large_pages(f.out.data, a.num_receivers * a.num_heads * a.value_dim * edgewise::bytes_stored(a.storage));
    edgewise::attend_kernels(edgewise::kernel_level(level)).forward(rows, a, f);
}

void attend_backward(const char* level, const edgewise::Rows& rows, const edgewise::Rows* turned,
                     const edgewise::Attend& numbers, const nb::tuple& tensors, const nb::list& made) {
    const edgewise::Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    edgewise::Backward b{};
    b.grad = fields.nodes<const void*>();
    b.out = fields.nodes<const void*>();
    b.rest = fields.address<const void>();
    b.heard_edge = fields.address<const void>();
    b.grad_edge = fields.address<const void>();
    b.log_sum = fields.address<const void>();
    b.grad_weights = fields.address<const void>();
    b.weights_share = fields.address<const void>();
    b.grad_query = fields.address<void>();
    b.grad_key = fields.address<void>();
    b.grad_value = fields.address<void>();
    b.partial = fields.address<void>();
    b.partial_senders = fields.address<void>();
    b.edge_number = fields.address<const int64_t>();
    b.grad_logit = fields.address<void>();
    b.grad_inner = fields.address<void>();
    b.grad_table = fields.address<void>();
    b.summed_edge = fields.address<void>();
    b.grad_key_edge = fields.address<void>();
    b.grad_value_edge = fields.address<void>();
    b.grad_vector = fields.address<void>();
    b.grad_inner_weight = fields.address<void>();
    nb::gil_scoped_release unlocked;
    const int64_t exact = edgewise::bytes_exact(a.storage);
    edgewise::ask_for_large_pages(b.grad_query, a.num_receivers * a.num_heads * a.dim * exact);
    edgewise::ask_for_large_pages(b.grad_key, a.num_senders * a.num_shared * a.dim * exact);
    edgewise::ask_for_large_pages(b.grad_value, a.num_senders * a.num_shared * a.value_dim * exact);
    edgewise::attend_kernels(edgewise::kernel_level(level)).backward(rows, turned ? *turned : rows, a, b);
}

// The number of each edge of the transpose in the graph's order. Senders come in their order, so every receiver's edges do.
void edge_numbers(const edgewise::Rows& rows, const edgewise::Rows& turned, uintptr_t out) {
    nb::gil_scoped_release unlocked;
    std::vector<int64_t> next(rows.num_rows);
    for (int64_t row = 0; row < rows.num_rows; ++row) next[row] = rows.run_edge_start[rows.run_offsets[row]];
    int64_t* number = at<int64_t>(out);
    for (int64_t run = 0; run < turned.run_offsets[turned.num_rows]; ++run) {
        for (int32_t receiver = turned.run_start[run]; receiver < turned.run_stop[run]; ++receiver) *number++ = next[receiver]++;
    }
}

void locality(const edgewise::Rows& rows, const edgewise::Rows& turned, uintptr_t out) {
    nb::gil_scoped_release unlocked;
    edgewise::locality(rows, turned, at<int64_t>(out));
}

double overlap(const edgewise::Rows& rows, int64_t samples) {
    nb::gil_scoped_release unlocked;
    return edgewise::overlap(rows, samples);
}

}  // namespace

NB_MODULE(_native, m) {
    nb::set_leak_warnings(false);  // tiles live as long as their graphs, which may be to the end of the program
    m.doc() = "The compiled part of edgewise. Its arguments are data_ptr() addresses, checked by its callers.";
    m.def("cpu_level", &edgewise::cpu_level);
    nb::class_<edgewise::Rows>(m, "Rows").def("__init__", [](edgewise::Rows* rows, const nb::list& numbers) {
        new (rows) edgewise::Rows(Fields(numbers).rows());
    }, "numbers"_a);
    nb::class_<edgewise::Attend>(m, "Attend").def_ro("num_heads", &edgewise::Attend::num_heads).def("__init__", [](edgewise::Attend* a, const nb::list& numbers) {
        new (a) edgewise::Attend(Fields(numbers).attend());
    }, "numbers"_a);
    m.def("attend_forward", &attend_forward, "level"_a, "rows"_a, "numbers"_a, "tensors"_a, "made"_a);
    m.def("attend_backward", &attend_backward, "level"_a, "rows"_a, "turned"_a.none(), "numbers"_a, "tensors"_a, "made"_a);
    m.def("edge_numbers", &edge_numbers, "rows"_a, "turned"_a, "out"_a);
    m.def("locality", &locality, "rows"_a, "turned"_a, "out"_a);
    m.def("overlap", &overlap, "rows"_a, "samples"_a);
    edgewise::bind_aggregate(m);
    edgewise::bind_scores(m);
    edgewise::bind_tiles(m);
    m.def("merge_runs", &merge_runs, "operation"_a, "rows"_a, "a_offsets"_a, "a_start"_a, "a_stop"_a,
          "b_offsets"_a, "b_start"_a, "b_stop"_a, "out_offsets"_a, "out_start"_a, "out_stop"_a);
}
