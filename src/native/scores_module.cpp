// The scores of edges as Python sees them.
#include "scores_module.hpp"

#include "scores.hpp"
#include "fields.hpp"

namespace edgewise {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

void forward(const char* level, const Rows& rows, const Attend& numbers, const nb::tuple& tensors, const nb::list& made) {
    const Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    const Scores s{fields.address<void>()};
    nb::gil_scoped_release unlocked;
    scores_kernels(kernel_level(level)).forward(rows, a, s);
}

void receivers(const char* level, const Rows& rows, const Attend& numbers, const nb::tuple& tensors, const nb::list& made) {
    const Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    ScoresReceivers s{};
    s.grad = fields.address<const void>();
    s.grad_query = fields.address<void>();
    s.summed_edge = fields.address<void>();
    s.grad_key_edge = fields.address<void>();
    s.grad_vector = fields.address<void>();
    s.grad_inner_weight = fields.address<void>();
    s.partial = fields.address<void>();
    nb::gil_scoped_release unlocked;
    scores_kernels(kernel_level(level)).receivers(rows, a, s);
}

void senders(const char* level, const Rows& rows, const Attend& numbers, const nb::tuple& tensors, const nb::list& made) {
    const Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    ScoresSenders s{};
    s.grad = fields.address<const void>();
    s.edge_number = fields.address<const int64_t>();
    s.grad_key = fields.address<void>();
    s.partial = fields.address<void>();
    nb::gil_scoped_release unlocked;
    scores_kernels(kernel_level(level)).senders(rows, a, s);
}

}  // namespace

void bind_scores(nb::module_& m) {
    m.def("scores_forward", &forward, "level"_a, "rows"_a, "numbers"_a, "tensors"_a, "made"_a);
    m.def("scores_receivers", &receivers, "level"_a, "rows"_a, "numbers"_a, "tensors"_a, "made"_a);
    m.def("scores_senders", &senders, "level"_a, "rows"_a, "numbers"_a, "tensors"_a, "made"_a);
}

}  // namespace edgewise
