// How a call's numbers become the structs that the kernels take.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "aggregate.hpp"
#include "attend.hpp"

namespace edgewise {

// Numbers and tensors in the order of the fields that they fill; Python lists them in the same order. Tensors are asked
// for their addresses here, which takes a third of the time that it takes in Python.
class Fields {
  public:
    explicit Fields(const nanobind::list& listed)
        : items_(PySequence_Fast_ITEMS(listed.ptr())), count_(nanobind::len(listed)) {}
    explicit Fields(const nanobind::tuple& listed)
        : items_(PySequence_Fast_ITEMS(listed.ptr())), count_(nanobind::len(listed)) {}
    int64_t number() { return nanobind::cast<int64_t>(next()); }
    double real() { return nanobind::cast<double>(next()); }
    // Of a tensor, or the number that stands for it; null for None.
    template <typename T> T* address() { return reinterpret_cast<T*>(address_of(next())); }
    // A tensor or None; or, as numbers, its address and two strides.
    template <typename Pointer> Nodes<Pointer> nodes() {
        static PyObject* const stride = PyUnicode_InternFromString("stride");
        const nanobind::handle x = next();
        const auto data = reinterpret_cast<Pointer>(address_of(x));
        if (x.is_none()) return {data, 0, 0};
        if (PyLong_Check(x.ptr())) {
            const int64_t node_stride = number();
            return {data, node_stride, number()};
        }
        const nanobind::object strides = ask(x, stride);
        return {data, nanobind::cast<int64_t>(strides[0]), nanobind::cast<int64_t>(strides[1])};
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
    // All but the tensors, which come with each pass.
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
        a.position = address<const int64_t>();
        a.table_rows = number();
        a.table_lowest = number();
        a.seed = number();
        a.keep_from = number();
        a.num_threads = number();
        a.scale = real();
        a.slope = real();
        a.dropout = real();
        return a;
    }
    // The same with its tensors: query, key and value, or these and all others.
    Attend with_tensors(Attend a) {
        a.query = nodes<const void*>();
        a.key = nodes<const void*>();
        a.value = nodes<const void*>();
        if (next_ == count_) return a;
        a.edge_logit = address<const void>();
        a.edge_inner = address<const void>();
        a.table = address<const void>();
        a.query_edge = address<const void>();
        a.key_edge = address<const void>();
        a.value_edge = address<const void>();
        a.vector = address<const void>();
        a.inner_weight = address<const void>();
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
    nanobind::handle next() {
        if (next_ == count_) throw nanobind::index_error("fewer fields than the struct has");
        return items_[next_++];
    }
    static uintptr_t address_of(nanobind::handle x) {
        static PyObject* const data_ptr = PyUnicode_InternFromString("data_ptr");
        if (x.is_none()) return 0;
        return PyLong_Check(x.ptr()) ? nanobind::cast<uintptr_t>(x) : nanobind::cast<uintptr_t>(ask(x, data_ptr));
    }
    static nanobind::object ask(nanobind::handle x, PyObject* method) {
        PyObject* const answer = PyObject_CallMethodNoArgs(x.ptr(), method);
        if (answer == nullptr) nanobind::raise_python_error();
        return nanobind::steal(answer);
    }
    PyObject** const items_;
    const size_t count_;
    size_t next_ = 0;
};

}  // namespace edgewise
