// The engine: a network of Arm Compute Library's functions, written once for both back ends. `Back` names the
// classes of one of them; neon.cpp and opencl.cpp hold the two. Runs on versions 19.05 and 20.08 of the library.
#pragma once

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "arm_compute/core/Types.h"
#include "arm_compute/runtime/BlobLifetimeManager.h"
#include "arm_compute/runtime/MemoryManagerOnDemand.h"
#include "arm_compute/runtime/PoolManager.h"

#include "kit.hpp"
#include "npy.hpp"

// Version 20.02 dropped the underscores of the include guards; between 19.05 and 20.08 no other mark is as plain.
#ifdef __ARM_COMPUTE_TYPES_H__
#define KIT_ACL_1905 1
#else
#define KIT_ACL_1905 0
#include "arm_compute/core/KernelDescriptors.h"
#endif

namespace kit {

namespace acl = arm_compute;

// The library counts axes from the innermost one.
inline acl::TensorShape reversed(const Shape &shape) {
    acl::TensorShape result;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) result.set(axis, static_cast<std::size_t>(shape[shape.size() - 1 - axis]));
    if (shape.empty()) result.set(0, 1);
    return result;
}

inline acl::Coordinates reversed_places(const Shape &places) {
    acl::Coordinates result;
    for (std::size_t axis = 0; axis < places.size(); ++axis) result.set(axis, places[places.size() - 1 - axis]);
    return result;
}

inline acl::PadStrideInfo pads_and_strides(const Window &window, Rounding rounding = Rounding::down) {
    return acl::PadStrideInfo(window.stride_x, window.stride_y, window.left, window.right, window.top, window.bottom,
                              rounding == Rounding::up ? acl::DimensionRoundingType::CEIL : acl::DimensionRoundingType::FLOOR);
}

inline acl::ActivationLayerInfo activation_info(const Activation &activation) {
    using Kind = acl::ActivationLayerInfo::ActivationFunction;
    const auto info = [&](Kind kind) { return acl::ActivationLayerInfo(kind, activation.a, activation.b); };
    switch (activation.function) {
        case Function::none: return acl::ActivationLayerInfo();
        case Function::relu: return info(Kind::RELU);
        case Function::bounded_relu: return info(Kind::BOUNDED_RELU);
        case Function::clip: return info(Kind::LU_BOUNDED_RELU);
        case Function::leaky_relu: return info(Kind::LEAKY_RELU);
        case Function::sigmoid: return info(Kind::LOGISTIC);
        case Function::tanh: return info(Kind::TANH);
        case Function::soft_relu: return info(Kind::SOFT_RELU);
        case Function::absolute: return info(Kind::ABS);
        case Function::square_root: return info(Kind::SQRT);
        case Function::square: return info(Kind::SQUARE);
        case Function::linear: return info(Kind::LINEAR);
    }
    throw Problem("an activation that the engine does not know");
}

inline acl::PoolingLayerInfo window_pool(acl::PoolingType kind, acl::Size2D size, const acl::PadStrideInfo &info, bool excludes) {
#if KIT_ACL_1905
    return acl::PoolingLayerInfo(kind, size, info, excludes);
#else
    return acl::PoolingLayerInfo(kind, size, acl::DataLayout::NCHW, info, excludes);
#endif
}

inline acl::PoolingLayerInfo whole_pool(acl::PoolingType kind) {
#if KIT_ACL_1905
    return acl::PoolingLayerInfo(kind);
#else
    return acl::PoolingLayerInfo(kind, acl::DataLayout::NCHW);
#endif
}

template <class Back>
class EngineOn : public Engine {
    using Store = typename Back::Tensor;
    using Held = typename Back::Interface;

    struct Value {
        Shape shape;
        std::unique_ptr<Store> store;
        std::string file;          // of a constant
        bool is_kept = false;      // inputs, outputs and constants have memory of their own
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
    EngineOn(std::string folder, Precision precision)
        : folder_(std::move(folder)), type_(precision == Precision::fp16 ? acl::DataType::F16 : acl::DataType::F32),
          inner_(make_manager()), between_(make_manager()), group_(between_) {}

    Tensor input(int index, const Shape &shape) override {
        const Tensor x = add(shape);
        value(x).is_kept = true;
        place(inputs_, index) = x;
        return x;
    }

    void output(int index, Tensor x) override {
        value(x).is_kept = true;
        place(outputs_, index) = x;
    }

    Tensor constant(const Weight &weight) override {
        const Tensor x = add(weight.shape);
        value(x).is_kept = true;
        value(x).file = weight.file;
        return x;
    }

    Tensor convolution(const std::string &label, Tensor x, const Shape &shape, const Weight &weight, const Weight &bias, const Window &window, const Activation &activation) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(shape);
        const acl::Size2D dilation(window.dilation_x, window.dilation_y);
        const auto act = activation_info(activation);
        const auto pads = pads_and_strides(window);
        return layer(label, {x, w, b}, y, [=] {
            check(label, Back::Convolution::validate(info(x), info(w), info(b), info(y), pads, acl::WeightsInfo(), dilation, act));
            auto function = make<typename Back::Convolution>(inner_);
            function->configure(at(x), at(w), at(b), at(y), pads, acl::WeightsInfo(), dilation, act);
            return done(function);
        });
    }

    Tensor depthwise(const std::string &label, Tensor x, const Shape &shape, const Weight &weight, const Weight &bias, const Window &window, int multiplier, const Activation &activation) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(shape);
        const acl::Size2D dilation(window.dilation_x, window.dilation_y);
        const auto act = activation_info(activation);
        const auto pads = pads_and_strides(window);
        return layer(label, {x, w, b}, y, [=] {
            check(label, Back::Depthwise::validate(info(x), info(w), info(b), info(y), pads, multiplier, act, dilation));
            auto function = make<typename Back::Depthwise>();
            function->configure(at(x), at(w), at(b), at(y), pads, multiplier, act, dilation);
            return done(function);
        });
    }

    Tensor deconvolution(const std::string &label, Tensor x, const Shape &shape, const Weight &weight, const Weight &bias, const Window &window) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(shape);
        const auto pads = pads_and_strides(window);
        return layer(label, {x, w, b}, y, [=] {
            auto function = make<typename Back::Deconvolution>(inner_);
#if KIT_ACL_1905
            check(label, Back::Deconvolution::validate(info(x), info(w), info(b), info(y), pads, 0, 0));
            function->configure(at(x), at(w), at(b), at(y), pads, 0, 0);
#else
            check(label, Back::Deconvolution::validate(info(x), info(w), info(b), info(y), pads));
            function->configure(at(x), at(w), at(b), at(y), pads);
#endif
            return done(function);
        });
    }

    Tensor pool(const std::string &label, Tensor x, const Shape &shape, Pooling kind, int height, int width, const Window &window, Rounding rounding, bool counts_pads) override {
        const auto type = kind == Pooling::maximum ? acl::PoolingType::MAX : acl::PoolingType::AVG;
        return simple<typename Back::Pool>(label, x, shape, window_pool(type, acl::Size2D(width, height), pads_and_strides(window, rounding), !counts_pads));
    }

    Tensor pool_all(const std::string &label, Tensor x, const Shape &shape, Pooling kind) override {
        return simple<typename Back::Pool>(label, x, shape, whole_pool(kind == Pooling::maximum ? acl::PoolingType::MAX : acl::PoolingType::AVG));
    }

    Tensor fully_connected(const std::string &label, Tensor x, const Shape &shape, const Weight &weight, const Weight &bias) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(shape);
        return layer(label, {x, w, b}, y, [=] {
            check(label, Back::FullyConnected::validate(info(x), info(w), info(b), info(y)));
            auto function = make<typename Back::FullyConnected>(inner_);
            function->configure(at(x), at(w), at(b), at(y));
            return done(function);
        });
    }

    Tensor activation(const std::string &label, Tensor x, const Shape &shape, const Activation &activation) override {
        return simple<typename Back::Activation>(label, x, shape, activation_info(activation));
    }

    void activate(const std::string &label, Tensor x, const Activation &activation) override {
        const auto act = activation_info(activation);
        layer(label, {x}, -1, [=] {
            check(label, Back::Activation::validate(info(x), nullptr, act));
            auto function = make<typename Back::Activation>();
            function->configure(at(x), nullptr, act);
            return done(function);
        });
    }

    Tensor arithmetic(const std::string &label, Arithmetic kind, Tensor a, Tensor b, const Shape &shape) override {
        const auto saturate = acl::ConvertPolicy::SATURATE;
        switch (kind) {
            case Arithmetic::add: return pair<typename Back::Add>(label, a, b, shape, saturate);
            case Arithmetic::subtract: return pair<typename Back::Subtract>(label, a, b, shape, saturate);
            case Arithmetic::multiply: return pair<typename Back::Multiply>(label, a, b, shape, 1.f, saturate, acl::RoundingPolicy::TO_ZERO);
            case Arithmetic::divide: return pair<typename Back::Divide>(label, a, b, shape);
            case Arithmetic::maximum: return pair<typename Back::Maximum>(label, a, b, shape);
            case Arithmetic::minimum: return pair<typename Back::Minimum>(label, a, b, shape);
        }
        throw Problem(label + ": an operation that the engine does not know");
    }

    Tensor exponential(const std::string &label, Tensor x, const Shape &shape) override {
        return simple<typename Back::Exponential>(label, x, shape);
    }

    Tensor softmax(const std::string &label, Tensor x, const Shape &shape) override {
        const Tensor y = add(shape);
        return layer(label, {x}, y, [=] {
            check(label, Back::Softmax::validate(info(x), info(y)));
            auto function = make<typename Back::Softmax>(inner_);
            function->configure(at(x), at(y));
            return done(function);
        });
    }

    Tensor batch_norm(const std::string &label, Tensor x, const Shape &shape, const Weight &mean, const Weight &variance, const Weight &shift, const Weight &scale, float epsilon) override {
        const Tensor m = constant(mean), v = constant(variance), b = constant(shift), g = constant(scale), y = add(shape);
        return layer(label, {x, m, v, b, g}, y, [=] {
            check(label, Back::BatchNorm::validate(info(x), info(y), info(m), info(v), info(b), info(g), epsilon));
            auto function = make<typename Back::BatchNorm>();
            function->configure(at(x), at(y), at(m), at(v), at(b), at(g), epsilon);
            return done(function);
        });
    }

    Tensor local_response(const std::string &label, Tensor x, const Shape &shape, int size, float alpha, float beta, float bias) override {
        return simple<typename Back::Normalization>(label, x, shape, acl::NormalizationLayerInfo(acl::NormType::CROSS_MAP, size, alpha, beta, bias));
    }

    Tensor concatenate(const std::string &label, const std::vector<Tensor> &parts, const Shape &shape, int axis) override {
        const Tensor y = add(shape);
        const std::size_t place = shape.size() - 1 - static_cast<std::size_t>(axis);
        return layer(label, parts, y, [=] {
#if KIT_ACL_1905
            std::vector<acl::ITensorInfo *> infos;
            std::vector<Held *> stores;
#else
            std::vector<const acl::ITensorInfo *> infos;
            std::vector<const Held *> stores;
#endif
            for (const Tensor part : parts) {
                infos.push_back(info(part));
                stores.push_back(at(part));
            }
            check(label, Back::Concatenate::validate(infos, info(y), place));
            auto function = make<typename Back::Concatenate>();
            function->configure(stores, at(y), place);
            return done(function);
        });
    }

    Tensor slice(const std::string &label, Tensor x, const Shape &shape, const Shape &starts, const Shape &ends, const Shape &steps) override {
        // The library forgets outer axes of size 1, and then refuses places along them.
        const std::size_t rank = value(x).store->info()->num_dimensions();
        const acl::Coordinates from = reversed_places(inner(starts, rank)), to = reversed_places(inner(ends, rank));
        bool is_dense = true;
        for (const int step : steps) is_dense = is_dense && step == 1;
        if (is_dense) return simple<typename Back::Slice>(label, x, shape, from, to);
        const acl::BiStrides strides = reversed_places(inner(steps, rank));
        return simple<typename Back::StridedSlice>(label, x, shape, from, to, strides);
    }

    Tensor pad(const std::string &label, Tensor x, const Shape &shape, const Shape &before, const Shape &after, Padding mode, float fill) override {
        acl::PaddingList list;
        for (std::size_t axis = before.size(); axis-- > 0;)
            list.emplace_back(static_cast<std::size_t>(before[axis]), static_cast<std::size_t>(after[axis]));
        while (list.size() > 1 && list.back().first == 0 && list.back().second == 0) list.pop_back();
        const auto kind = mode == Padding::reflect ? acl::PaddingMode::REFLECT : acl::PaddingMode::CONSTANT;
        return simple<typename Back::Pad>(label, x, shape, list, acl::PixelValue(fill), kind);
    }

    Tensor permute(const std::string &label, Tensor x, const Shape &shape, const Shape &order) override {
        acl::PermutationVector permutation;
        const int rank = static_cast<int>(order.size());
        for (int axis = 0; axis < rank; ++axis) permutation.set(axis, rank - 1 - order[rank - 1 - axis]);
        return simple<typename Back::Permute>(label, x, shape, permutation);
    }

    Tensor reshape(const std::string &label, Tensor x, const Shape &shape) override {
        return simple<typename Back::Reshape>(label, x, shape);
    }

    Tensor shuffle(const std::string &label, Tensor x, const Shape &shape, int groups) override {
        return simple<typename Back::Shuffle>(label, x, shape, static_cast<unsigned int>(groups));
    }

    Tensor resize(const std::string &label, Tensor x, const Shape &shape, Sampling sampling) override {
        // Borders are repeated, as ONNX has it. Nearest with the centre policy takes floor((i + 0.5) / scale), which no
        // rounding of 1 / scale can move to a neighbour.
        const auto policy = sampling == Sampling::nearest ? acl::InterpolationPolicy::NEAREST_NEIGHBOR : acl::InterpolationPolicy::BILINEAR;
        const auto places = sampling == Sampling::asymmetric ? acl::SamplingPolicy::TOP_LEFT : acl::SamplingPolicy::CENTER;
#if KIT_ACL_1905
        return simple<typename Back::Scale>(label, x, shape, policy, acl::BorderMode::REPLICATE, acl::PixelValue(), places);
#else
        return simple<typename Back::Scale>(label, x, shape, acl::ScaleKernelInfo(policy, acl::BorderMode::REPLICATE, acl::PixelValue(), places));
#endif
    }

    Tensor mean(const std::string &label, Tensor x, const Shape &shape, const Shape &axes) override {
        acl::Coordinates places;
        const int rank = static_cast<int>(value(x).shape.size());
        for (std::size_t index = 0; index < axes.size(); ++index) places.set(index, rank - 1 - axes[index]);
        const Tensor y = add(shape);
        return layer(label, {x}, y, [=] {
            check(label, Back::Mean::validate(info(x), places, true, info(y)));
            auto function = make<typename Back::Mean>(inner_);
            function->configure(at(x), places, true, at(y));
            return done(function);
        });
    }

    void finish() override {
        group_.manage(&sentinel_);
        sentinel_.allocator()->init(acl::TensorInfo(acl::TensorShape(1U), 1, type_));
        for (std::size_t index = 0; index < layers_.size(); ++index) configure(static_cast<int>(index));
        sentinel_.allocator()->allocate();
        for (Value &one : values_)
            if (one.is_kept) one.store->allocator()->allocate();
        for (Value &one : values_)
            if (!one.file.empty()) fill(one, load(one));
        allocator_ = Back::make_allocator();
        inner_->populate(*allocator_, 1);
        between_->populate(*allocator_, 1);
        group_.acquire();  // tensors stay where they are from now on
        for (Layer &one : layers_) one.function->prepare();
        Back::wait();
        for (Value &one : values_)
            if (!one.file.empty() && !one.store->is_used()) one.store->allocator()->free();
    }

    ~EngineOn() override { group_.release(); }

    void set_input(int index, const std::vector<float> &values) override {
        Value &one = value(inputs_.at(static_cast<std::size_t>(index)));
        if (values.size() != count(one.shape)) throw Problem("input " + std::to_string(index) + " has another number of elements");
        fill(one, values);
    }

    std::vector<float> get_output(int index) override {
        Value &one = value(outputs_.at(static_cast<std::size_t>(index)));
        std::vector<float> values(count(one.shape));
        Back::map(*one.store);
        move_rows(one, [&](unsigned char *row, std::size_t first, std::size_t length) {
            for (std::size_t i = 0; i < length; ++i)
                values[first + i] = type_ == acl::DataType::F16 ? float(reinterpret_cast<acl::half *>(row)[i]) : reinterpret_cast<float *>(row)[i];
        });
        Back::unmap(*one.store);
        return values;
    }

    const Shape &input_shape(int index) const override { return values_.at(static_cast<std::size_t>(inputs_.at(static_cast<std::size_t>(index)))).shape; }
    const Shape &output_shape(int index) const override { return values_.at(static_cast<std::size_t>(outputs_.at(static_cast<std::size_t>(index)))).shape; }

    void run() override {
        for (Layer &one : layers_) one.function->run();
        Back::wait();
    }

    std::vector<Lap> run_layer_by_layer() override {
        std::vector<Lap> laps;
        for (Layer &one : layers_) {
            const auto start = std::chrono::steady_clock::now();
            one.function->run();
            Back::wait();
            laps.push_back({one.label, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count()});
        }
        return laps;
    }

private:
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

    // A function of one tensor and some settings.
    template <class F, class... Settings>
    Tensor simple(const std::string &label, Tensor x, const Shape &shape, Settings... settings) {
        const Tensor y = add(shape);
        return layer(label, {x}, y, [=] {
            check(label, F::validate(info(x), info(y), settings...));
            auto function = make<F>();
            function->configure(at(x), at(y), settings...);
            return done(function);
        });
    }

    // A function of two tensors and some settings.
    template <class F, class... Settings>
    Tensor pair(const std::string &label, Tensor a, Tensor b, const Shape &shape, Settings... settings) {
        const Tensor y = add(shape);
        return layer(label, {a, b}, y, [=] {
            check(label, F::validate(info(a), info(b), info(y), settings...));
            auto function = make<F>();
            function->configure(at(a), at(b), at(y), settings...);
            return done(function);
        });
    }

    static Shape inner(const Shape &places, std::size_t rank) { return rank < places.size() ? Shape(places.end() - static_cast<std::ptrdiff_t>(rank), places.end()) : places; }

    static Tensor &place(std::vector<Tensor> &list, int index) {
        if (list.size() <= static_cast<std::size_t>(index)) list.resize(static_cast<std::size_t>(index) + 1, -1);
        return list[static_cast<std::size_t>(index)];
    }

    Value &value(Tensor x) { return values_.at(static_cast<std::size_t>(x)); }
    acl::ITensorInfo *info(Tensor x) { return x < 0 ? nullptr : value(x).store->info(); }
    Store *at(Tensor x) { return x < 0 ? nullptr : value(x).store.get(); }

    Tensor add(const Shape &shape) {
        values_.emplace_back();
        values_.back().shape = shape;
        values_.back().store.reset(new Store());
        values_.back().store->allocator()->init(acl::TensorInfo(reversed(shape), 1, type_));
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

    std::vector<float> load(const Value &one) const {
        const Array array = read_npy(folder_ + "/" + one.file);
        if (array.shape != one.shape) throw Problem(one.file + ": its shape is not the one that the program was made for");
        return array.values;
    }

    // Calls `move` with the address of each row, the number of its first element and its length.
    template <class Move>
    void move_rows(Value &one, Move move) {
        const acl::ITensorInfo &about = *one.store->info();
        const std::size_t length = about.dimension(0), rows = count(one.shape) / (length ? length : 1);
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

    void fill(Value &one, const std::vector<float> &values) {
        Back::map(*one.store);
        move_rows(one, [&](unsigned char *row, std::size_t first, std::size_t length) {
            for (std::size_t i = 0; i < length; ++i) {
                if (type_ == acl::DataType::F16) reinterpret_cast<acl::half *>(row)[i] = acl::half(values[first + i]);
                else reinterpret_cast<float *>(row)[i] = values[first + i];
            }
        });
        Back::unmap(*one.store);
    }

    std::string folder_;
    acl::DataType type_;
    std::shared_ptr<acl::MemoryManagerOnDemand> inner_, between_;
    typename Back::Group group_;
    Store sentinel_;  // keeps the group open until every layer is configured
    std::vector<Value> values_;
    std::vector<Layer> layers_;
    std::vector<Tensor> inputs_, outputs_;
    std::unique_ptr<typename Back::Allocator> allocator_;
};

}  // namespace kit
