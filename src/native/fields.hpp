// How a call's numbers become the structs that the kernels take.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "aggregate.hpp"
#include "attend.hpp"

namespace edgewise {

// Numbers and addresses in the order of the fields that they fill; Python lists them in the same order.
class Fields {
  public:
    Fields(const nanobind::list& numbers, const nanobind::list& reals) : numbers_(numbers), reals_(reals) {}
    int64_t number() { return nanobind::cast<int64_t>(numbers_[next_++]); }
    double real() { return nanobind::cast<double>(reals_[next_real_++]); }
    template <typename T> T* address() { return reinterpret_cast<T*>(static_cast<uintptr_t>(number())); }
    template <typename Pointer> Nodes<Pointer> nodes() {
        const auto data = reinterpret_cast<Pointer>(static_cast<uintptr_t>(number()));
        const int64_t node_stride = number();
        return {data, node_stride, number()};
    }
    Rows rows() {
        Rows r{};
        r.num_rows = number();
        r.run_offsets = address<const int64_t>();
        r.run_start = address<const int32_t>();
        r.run_stop = address<const int32_t>();
        r.run_edge_start = address<const int64_t>();
        r.num_items = number();
        r.item_row = address<const int64_t>();
        r.item_begin = address<const int64_t>();
        r.item_end = address<const int64_t>();
        r.row_item = address<const int64_t>();
        return r;
    }
    Attend attend() {
        Attend a{};
        a.storage = static_cast<Storage>(number());
        a.score = static_cast<ScoreKind>(number());
        a.num_receivers = number();
        a.num_senders = number();
        a.num_heads = number();
        a.num_shared = number();
        a.dim = number();
        a.value_dim = number();
        a.key_features = number();
        a.value_features = number();
        a.query = nodes<const void*>();
        a.key = nodes<const void*>();
        a.value = nodes<const void*>();
        a.position = address<const int64_t>();
        a.edge_logit = address<const void>();
        a.edge_inner = address<const void>();
        a.table = address<const void>();
        a.table_rows = number();
        a.table_lowest = number();
        a.query_edge = address<const void>();
        a.key_edge = address<const void>();
        a.value_edge = address<const void>();
        a.vector = address<const void>();
        a.inner_weight = address<const void>();
        a.seed = number();
        a.keep_from = number();
        a.num_threads = number();
        a.scale = real();
        a.slope = real();
        a.dropout = real();
        return a;
    }
    Aggregate aggregate() {
        Aggregate a{};
        a.storage = static_cast<Storage>(number());
        a.num_heads = number();
        a.heads_in = number();
        a.heads_out = number();
        a.dim = number();
        a.features = number();
        a.x = nodes<const void*>();
        a.weight = address<const void>();
        a.edge_number = address<const int64_t>();
        a.factor = address<const void>();
        a.edge = address<const void>();
        a.num_threads = number();
        return a;
    }

  private:
    const nanobind::list &numbers_, &reals_;
    size_t next_ = 0, next_real_ = 0;
};

}  // namespace edgewise
