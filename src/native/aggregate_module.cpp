// Sums and maxima as Python sees them.
#include "aggregate_module.hpp"

#include "aggregate.hpp"
#include "fields.hpp"

namespace edgewise {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

void sum(const char* level, const Rows& rows, const nb::list& numbers) {
    Fields fields(numbers);
    const Aggregate a = fields.aggregate();
    Sum s{};
    s.mean = fields.number();
    s.out = fields.address<void>();
    s.heard_edge = fields.address<void>();
    s.partial = fields.address<void>();
    nb::gil_scoped_release unlocked;
    aggregate_kernels(kernel_level(level)).sum(rows, a, s);
}

void maximum(const char* level, const Rows& rows, const nb::list& numbers) {
    Fields fields(numbers);
    const Aggregate a = fields.aggregate();
    Maximum m{};
    m.out = fields.address<void>();
    m.highest = fields.address<void>();
    m.share = fields.address<void>();
    m.partial = fields.address<void>();
    nb::gil_scoped_release unlocked;
    aggregate_kernels(kernel_level(level)).maximum(rows, a, m);
}

void maximum_senders(const char* level, const Rows& rows, const nb::list& numbers) {
    Fields fields(numbers);
    const Aggregate a = fields.aggregate();
    MaximumSenders m{};
    m.highest = fields.address<const void>();
    m.grad = fields.address<const void>();
    m.grad_value = fields.address<void>();
    m.partial = fields.address<void>();
    nb::gil_scoped_release unlocked;
    aggregate_kernels(kernel_level(level)).maximum_senders(rows, a, m);
}

void maximum_weights(const char* level, const Rows& rows, const nb::list& numbers) {
    Fields fields(numbers);
    const Aggregate a = fields.aggregate();
    MaximumWeights m{};
    m.highest = fields.address<const void>();
    m.grad = fields.address<const void>();
    m.grad_weight = fields.address<void>();
    nb::gil_scoped_release unlocked;
    aggregate_kernels(kernel_level(level)).maximum_weights(rows, a, m);
}

}  // namespace

void bind_aggregate(nb::module_& m) {
    m.def("aggregate_sum", &sum, "level"_a, "rows"_a, "numbers"_a);
    m.def("aggregate_maximum", &maximum, "level"_a, "rows"_a, "numbers"_a);
    m.def("aggregate_maximum_senders", &maximum_senders, "level"_a, "rows"_a, "numbers"_a);
    m.def("aggregate_maximum_weights", &maximum_weights, "level"_a, "rows"_a, "numbers"_a);
}

}  // namespace edgewise
