// A network of the library's functions in the making and at work: its tensors, its layers and their memory. `Back` names
// the classes of one back end.
#pragma once

#include <chrono>
#include <functional>
#include <type_traits>
#include <utility>

#include "arm_compute/runtime/BlobLifetimeManager.h"
#include "arm_compute/runtime/IFunction.h"
#include "arm_compute/runtime/MemoryManagerOnDemand.h"
#include "arm_compute/runtime/PoolManager.h"

#include "library.hpp"
#include "npy.hpp"

namespace kit {

template <class Back>
class Network {
    using Store = typename Back::Tensor;

    struct Value {
        Form form;
        std::unique_ptr<Store> store;
        std::string file;          // of a constant
        bool is_kept = false;      // inputs, outputs and constants have memory of their own
        float step = 0;            // of an output that was bytes
        int last_reader = -1;
        int writer = -1;
    };
    struct Layer {
        std::string label;
        std::vector<Tensor> reads, writes;
        std::function<std::unique_ptr<acl::IFunction>()> configure;
        std::unique_ptr<acl::IFunction> function;
    };

public:
    Network(std::string folder, Precision precision)
        : folder_(std::move(folder)), type_(precision == Precision::fp16 ? acl::DataType::F16 : acl::DataType::F32),
          inner_(make_manager()), between_(make_manager()), group_(between_) {}

    Tensor input(int index, const Shape &shape) {
        const Tensor x = add(shape);
        value(x).is_kept = true;
        place(inputs_, index) = x;
        return x;
    }

    void output(int index, Tensor x, float step) {
        value(x).is_kept = true;
        value(x).step = step;
        place(outputs_, index) = x;
    }

    Tensor constant(const Weight &weight) {
        const Tensor x = add(weight.form);
        value(x).is_kept = true;
        value(x).file = weight.file;
        return x;
    }

    void finish() {
        group_.manage(&sentinel_);
        sentinel_.allocator()->init(acl::TensorInfo(acl::TensorShape(1U), 1, type_));
        for (std::size_t index = 0; index < layers_.size(); ++index) configure(static_cast<int>(index));
        sentinel_.allocator()->allocate();
        for (Value &one : values_)
            if (one.is_kept) one.store->allocator()->allocate();
        for (Value &one : values_)
            if (!one.file.empty()) load(one);
        allocator_ = Back::make_allocator();
        inner_->populate(*allocator_, 1);
        between_->populate(*allocator_, 1);
        group_.acquire();  // tensors stay where they are from now on
        for (Layer &one : layers_) one.function->prepare();
        Back::wait();
        for (Value &one : values_)
            if (!one.file.empty() && !one.store->is_used()) one.store->allocator()->free();
    }

    ~Network() { group_.release(); }

    void set_input(int index, const std::vector<float> &values) {
        Value &one = value(inputs_.at(static_cast<std::size_t>(index)));
        if (values.size() != count(one.form.shape)) throw Problem("input " + std::to_string(index) + " has another number of elements");
        fill(one, values);
    }

    std::vector<float> get_output(int index) {
        Value &one = value(outputs_.at(static_cast<std::size_t>(index)));
        std::vector<float> values(count(one.form.shape));
        Back::map(*one.store);
        move_rows(one, [&](unsigned char *row, std::size_t first, std::size_t length) {
            for (std::size_t i = 0; i < length; ++i)
                values[first + i] = type_ == acl::DataType::F16 ? float(reinterpret_cast<acl::half *>(row)[i]) : reinterpret_cast<float *>(row)[i];
        });
        Back::unmap(*one.store);
        return values;
    }

    const Shape &input_shape(int index) const { return values_.at(static_cast<std::size_t>(inputs_.at(static_cast<std::size_t>(index)))).form.shape; }
    const Shape &output_shape(int index) const { return values_.at(static_cast<std::size_t>(outputs_.at(static_cast<std::size_t>(index)))).form.shape; }
    float output_step(int index) const { return values_.at(static_cast<std::size_t>(outputs_.at(static_cast<std::size_t>(index)))).step; }

    void run() {
        for (Layer &one : layers_) one.function->run();
        Back::wait();
    }

    std::vector<Lap> run_layer_by_layer() {
        std::vector<Lap> laps;
        for (Layer &one : layers_) {
            const auto start = std::chrono::steady_clock::now();
            one.function->run();
            Back::wait();
            laps.push_back({one.label, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count()});
        }
        return laps;
    }

protected:
    static std::shared_ptr<acl::MemoryManagerOnDemand> make_manager() {
        return std::make_shared<acl::MemoryManagerOnDemand>(std::make_shared<acl::BlobLifetimeManager>(), std::make_shared<acl::PoolManager>());
    }

    template <class F>
    static std::unique_ptr<F> make() {
        return std::unique_ptr<F>(new F());
    }
    template <class F>
    static std::unique_ptr<F> make(std::shared_ptr<acl::IMemoryManager> manager) {
        return make_with<F>(std::move(manager), std::is_constructible<F, std::shared_ptr<acl::IMemoryManager>>());
    }
    template <class F>
    static std::unique_ptr<F> make_with(std::shared_ptr<acl::IMemoryManager> manager, std::true_type) {
        return std::unique_ptr<F>(new F(std::move(manager)));
    }
    template <class F>
    static std::unique_ptr<F> make_with(std::shared_ptr<acl::IMemoryManager>, std::false_type) {
        return make<F>();
    }
    template <class F>
    static std::unique_ptr<acl::IFunction> done(std::unique_ptr<F> &function) {
        return std::unique_ptr<acl::IFunction>(std::move(function));
    }

    static Shape inner(const Shape &places, std::size_t rank) { return rank < places.size() ? Shape(places.end() - static_cast<std::ptrdiff_t>(rank), places.end()) : places; }

    static Tensor &place(std::vector<Tensor> &list, int index) {
        if (list.size() <= static_cast<std::size_t>(index)) list.resize(static_cast<std::size_t>(index) + 1, -1);
        return list[static_cast<std::size_t>(index)];
    }

    Value &value(Tensor x) { return values_.at(static_cast<std::size_t>(x)); }
    acl::ITensorInfo *info(Tensor x) { return x < 0 ? nullptr : value(x).store->info(); }
    Store *at(Tensor x) { return x < 0 ? nullptr : value(x).store.get(); }

    Tensor add(const Form &form) {
        values_.emplace_back();
        values_.back().form = form;
        values_.back().store.reset(new Store());
        values_.back().store->allocator()->init(tensor_info(form, type_));
        return static_cast<Tensor>(values_.size()) - 1;
    }

    Tensor optional(const Weight &weight) { return weight.file.empty() ? -1 : constant(weight); }

    template <class Configure>
    Tensor layer(const std::string &label, const std::vector<Tensor> &reads, Tensor y, Configure configure) {
        const int index = static_cast<int>(layers_.size());
        for (const Tensor x : reads)
            if (x >= 0) value(x).last_reader = index;
        if (y >= 0) value(y).writer = index;
        layers_.emplace_back();
        layers_.back().label = label;
        layers_.back().reads = reads;
        if (y >= 0) layers_.back().writes.push_back(y);
        layers_.back().configure = configure;
        return y;
    }

    static void check(const std::string &label, const acl::Status &status) {
        if (!bool(status)) throw Problem("layer " + label + ": the library cannot run it here: " + status.error_description());
    }

private:
    // The memory of a tensor between layers lives from its writer to its last reader; the library shares it out.
    void configure(int index) {
        Layer &one = layers_[static_cast<std::size_t>(index)];
        for (const Tensor y : one.writes)
            if (!value(y).is_kept) group_.manage(value(y).store.get());
        try {
            one.function = one.configure();
        } catch (const Problem &) {
            throw;
        } catch (const std::exception &error) {
            throw Problem("layer " + one.label + ": the library refuses it: " + error.what());
        }
        one.configure = nullptr;
        for (const Tensor y : one.writes)
            if (!value(y).is_kept && value(y).last_reader < 0) value(y).store->allocator()->allocate();
        std::vector<Tensor> ended;
        for (const Tensor x : one.reads) {
            bool is_new = x >= 0 && !value(x).is_kept && value(x).last_reader == index;
            for (const Tensor other : ended) is_new = is_new && other != x;
            if (is_new) ended.push_back(x);
        }
        for (const Tensor x : ended) value(x).store->allocator()->allocate();
    }

    void load(Value &one) {
        if (one.form.kind == Kind::byte) fill(one, checked(read<uint8_t>(one), one));
        else if (one.form.kind == Kind::whole) fill(one, checked(read<int32_t>(one), one));
        else fill(one, checked(read<float>(one), one));
    }

    template <class T>
    Array<T> read(const Value &one) const {
        const std::string path = folder_ + "/" + one.file, ending = ".packed";
        const bool is_packed = path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
        return is_packed ? read_packed<T>(path, one.form.shape) : read_npy<T>(path);
    }

    template <class T>
    static std::vector<T> checked(Array<T> array, const Value &one) {
        if (array.shape != one.form.shape) throw Problem(one.file + ": its shape is not the one that the program was made for");
        return std::move(array.values);
    }

    // Calls `move` with the address of each row, the number of its first element and its length.
    template <class Move>
    void move_rows(Value &one, Move move) {
        const acl::ITensorInfo &about = *one.store->info();
        const std::size_t length = about.dimension(0), rows = count(one.form.shape) / (length ? length : 1);
        const std::size_t rank = about.num_dimensions();
        std::vector<std::size_t> place(rank > 0 ? rank : 1, 0);
        for (std::size_t row = 0; row < rows; ++row) {
            std::size_t offset = about.offset_first_element_in_bytes();
            for (std::size_t axis = 1; axis < rank; ++axis) offset += place[axis] * about.strides_in_bytes()[axis];
            move(one.store->buffer() + offset, row * length, length);
            for (std::size_t axis = 1; axis < rank; ++axis) {
                if (++place[axis] < about.dimension(axis)) break;
                place[axis] = 0;
            }
        }
    }

    template <class T>
    void fill(Value &one, const std::vector<T> &values) {
        const bool narrows = one.form.kind == Kind::real && type_ == acl::DataType::F16;
        Back::map(*one.store);
        move_rows(one, [&](unsigned char *row, std::size_t first, std::size_t length) {
            for (std::size_t i = 0; i < length; ++i) {
                if (narrows) reinterpret_cast<acl::half *>(row)[i] = acl::half(static_cast<float>(values[first + i]));
                else reinterpret_cast<T *>(row)[i] = values[first + i];
            }
        });
        Back::unmap(*one.store);
    }

    std::string folder_;
    acl::DataType type_;
protected:
    std::shared_ptr<acl::MemoryManagerOnDemand> inner_, between_;  // memory inside functions, and between them

private:
    typename Back::Group group_;
    Store sentinel_;  // keeps the group open until every layer is configured
    std::vector<Value> values_;
    std::vector<Layer> layers_;
    std::vector<Tensor> inputs_, outputs_;
    std::unique_ptr<typename Back::Allocator> allocator_;
};

}  // namespace kit
