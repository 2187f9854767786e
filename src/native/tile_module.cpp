// Tiles as Python sees them: found once for a graph, kept as one object.
#include "tile_module.hpp"

#include <algorithm>

#include "fields.hpp"
#include "pages.hpp"
#include "tiles.hpp"

namespace edgewise {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

Tiles found(const Rows& rows, int64_t num_senders, double edge_in_run, double edge_alone, double edge_row, double silent_row, double tile_row) {
    nb::gil_scoped_release unlocked;
    return find_tiles(rows, num_senders, {edge_in_run, edge_alone, edge_row, silent_row, tile_row});
}

Tiles found_in_order(const Rows& rows, const Rows& turned, uintptr_t order, double edge_in_run, double edge_alone, double edge_row, double silent_row, double tile_row) {
    nb::gil_scoped_release unlocked;
    return find_tiles_in_order(rows, turned, reinterpret_cast<const int32_t*>(order), {edge_in_run, edge_alone, edge_row, silent_row, tile_row});
}

// The runs that are in no tile, into tensors of these sizes.
void copy_rest(const Tiles& tiles, uintptr_t offsets, uintptr_t start, uintptr_t stop) {
    std::copy(tiles.rest_offsets.begin(), tiles.rest_offsets.end(), reinterpret_cast<int64_t*>(offsets));
    std::copy(tiles.rest_start.begin(), tiles.rest_start.end(), reinterpret_cast<int32_t*>(start));
    std::copy(tiles.rest_stop.begin(), tiles.rest_stop.end(), reinterpret_cast<int32_t*>(stop));
}

void forward(const Tiles& tiles, const char* level, const Attend& numbers, const nb::tuple& tensors, const nb::list& made) {
    const Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    TileForward f{};
    f.out = fields.nodes<void*>();
    f.rest = fields.address<void>();
    f.log_sum = fields.address<void>();
    f.so_far = fields.address<const void>();
    nb::gil_scoped_release unlocked;
    ask_for_large_pages(f.out.data, a.num_receivers * a.num_heads * a.value_dim * bytes_stored(a.storage));
    tile_kernels(kernel_level(level)).forward(tiles, a, f);
}

// The gradients of nodes begin at 0 where they are `fresh`, and else at what stands there.
void backward(const Tiles& tiles, const char* level, const Attend& numbers, const nb::tuple& tensors, const nb::list& made) {
    const Attend a = Fields(tensors).with_tensors(numbers);
    Fields fields(made);
    TileBackward b{};
    b.grad = fields.nodes<const void*>();
    b.out = fields.nodes<const void*>();
    b.rest = fields.address<const void>();
    b.log_sum = fields.address<const void>();
    b.grad_query = fields.address<void>();
    b.grad_key = fields.address<void>();
    b.grad_value = fields.address<void>();
    b.grad_table = fields.address<void>();
    b.slots = fields.address<void>();
    const bool fresh = fields.number() != 0;
    nb::gil_scoped_release unlocked;
    const int64_t bytes = bytes_exact(a.storage), senders = a.num_senders * a.num_shared;
    fill_with_zeros(b.slots, tiles.num_slots() * a.num_shared * (a.dim + a.value_dim) * bytes, a.num_threads);
    if (fresh) {
        fill_with_zeros(b.grad_query, a.num_receivers * a.num_heads * a.dim * bytes, a.num_threads);
        fill_with_zeros(b.grad_key, senders * a.dim * bytes, a.num_threads);
        fill_with_zeros(b.grad_value, senders * a.value_dim * bytes, a.num_threads);
    }
    tile_kernels(kernel_level(level)).backward(tiles, a, b);
}

}  // namespace

void bind_tiles(nb::module_& m) {
    nb::class_<Tiles>(m, "Tiles")
        .def_prop_ro("num_tiles", &Tiles::num_tiles)
        .def_prop_ro("in_order", [](const Tiles& tiles) { return !tiles.order.empty(); })
        .def_prop_ro("num_segments", &Tiles::num_segments)
        .def_prop_ro("num_slots", &Tiles::num_slots)
        .def_ro("num_edges", &Tiles::num_edges)
        .def_ro("num_pairs", &Tiles::num_pairs)
        .def_ro("rest_edges", &Tiles::rest_edges)
        .def_prop_ro("rest_runs", [](const Tiles& tiles) { return tiles.rest_start.size(); })
        .def("copy_rest", &copy_rest, "offsets"_a, "start"_a, "stop"_a)
        .def("forward", &forward, "level"_a, "numbers"_a, "tensors"_a, "made"_a)
        .def("backward", &backward, "level"_a, "numbers"_a, "tensors"_a, "made"_a);
    m.def("find_tiles", &found, "rows"_a, "num_senders"_a, "edge_in_run"_a, "edge_alone"_a, "edge_row"_a, "silent_row"_a, "tile_row"_a);
    m.def("find_tiles_in_order", &found_in_order, "rows"_a, "turned"_a, "order"_a, "edge_in_run"_a, "edge_alone"_a, "edge_row"_a, "silent_row"_a, "tile_row"_a);
}

}  // namespace edgewise
