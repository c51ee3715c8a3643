// The engine: every layer as a call of one of Arm Compute Library's functions, written once for both back ends. `Back`
// names the classes of one of them; neon.cpp and opencl.cpp hold the two. Each function is asked with validate() before
// it is set up. Runs on versions 19.05 and 20.08 of the library.
#pragma once

#include "network.hpp"

namespace kit {

template <class Back>
class EngineOn : public Engine, private Network<Back> {
    using Net = Network<Back>;
    using Held = typename Back::Interface;
    using Net::add;
    using Net::at;
    using Net::check;
    using Net::done;
    using Net::info;
    using Net::inner;
    using Net::inner_;
    using Net::layer;
    using Net::optional;
    using Net::value;

public:
    EngineOn(const std::string &folder, Precision precision) : Net(folder, precision) {}

    Tensor input(int index, const Shape &shape) override { return Net::input(index, shape); }
    void output(int index, Tensor x, float step) override { Net::output(index, x, step); }
    Tensor constant(const Weight &weight) override { return Net::constant(weight); }
    void finish() override { Net::finish(); }
    void set_input(int index, const std::vector<float> &values) override { Net::set_input(index, values); }
    std::vector<float> get_output(int index) override { return Net::get_output(index); }
    const Shape &input_shape(int index) const override { return Net::input_shape(index); }
    const Shape &output_shape(int index) const override { return Net::output_shape(index); }
    float output_step(int index) const override { return Net::output_step(index); }
    void run() override { Net::run(); }
    std::vector<Lap> run_layer_by_layer() override { return Net::run_layer_by_layer(); }

    Tensor convolution(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias, const Window &window, const Activation &activation) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(form);
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

    Tensor depthwise(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias, const Window &window, int multiplier, const Activation &activation) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(form);
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

    Tensor deconvolution(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias, const Window &window) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(form);
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

    Tensor pool(const std::string &label, Tensor x, const Form &form, Pooling kind, int height, int width, const Window &window, Rounding rounding, bool counts_pads) override {
        const auto type = kind == Pooling::maximum ? acl::PoolingType::MAX : acl::PoolingType::AVG;
        return simple<typename Back::Pool>(label, x, form, window_pool(type, acl::Size2D(width, height), pads_and_strides(window, rounding), !counts_pads));
    }

    Tensor pool_all(const std::string &label, Tensor x, const Form &form, Pooling kind) override {
        return simple<typename Back::Pool>(label, x, form, whole_pool(kind == Pooling::maximum ? acl::PoolingType::MAX : acl::PoolingType::AVG));
    }

    Tensor fully_connected(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias) override {
        const Tensor w = constant(weight), b = optional(bias), y = add(form);
        return layer(label, {x, w, b}, y, [=] {
            check(label, Back::FullyConnected::validate(info(x), info(w), info(b), info(y)));
            auto function = make<typename Back::FullyConnected>(inner_);
            function->configure(at(x), at(w), at(b), at(y));
            return done(function);
        });
    }

    Tensor activation(const std::string &label, Tensor x, const Form &form, const Activation &activation) override {
        return simple<typename Back::Activation>(label, x, form, activation_info(activation));
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

    Tensor arithmetic(const std::string &label, Arithmetic kind, Tensor a, Tensor b, const Form &form) override {
        const auto saturate = acl::ConvertPolicy::SATURATE;
        switch (kind) {
            case Arithmetic::add: return pair<typename Back::Add>(label, a, b, form, saturate);
            case Arithmetic::subtract: return pair<typename Back::Subtract>(label, a, b, form, saturate);
            case Arithmetic::multiply: return pair<typename Back::Multiply>(label, a, b, form, 1.f, saturate, acl::RoundingPolicy::TO_ZERO);
            case Arithmetic::divide: return pair<typename Back::Divide>(label, a, b, form);
            case Arithmetic::maximum: return pair<typename Back::Maximum>(label, a, b, form);
            case Arithmetic::minimum: return pair<typename Back::Minimum>(label, a, b, form);
        }
        throw Problem(label + ": an operation that the engine does not know");
    }

    Tensor exponential(const std::string &label, Tensor x, const Form &form) override {
        return simple<typename Back::Exponential>(label, x, form);
    }

    Tensor softmax(const std::string &label, Tensor x, const Form &form) override {
        const Tensor y = add(form);
        return layer(label, {x}, y, [=] {
            check(label, Back::Softmax::validate(info(x), info(y)));
            auto function = make<typename Back::Softmax>(inner_);
            function->configure(at(x), at(y));
            return done(function);
        });
    }

    Tensor batch_norm(const std::string &label, Tensor x, const Form &form, const Weight &mean, const Weight &variance, const Weight &shift, const Weight &scale, float epsilon) override {
        const Tensor m = constant(mean), v = constant(variance), b = constant(shift), g = constant(scale), y = add(form);
        return layer(label, {x, m, v, b, g}, y, [=] {
            check(label, Back::BatchNorm::validate(info(x), info(y), info(m), info(v), info(b), info(g), epsilon));
            auto function = make<typename Back::BatchNorm>();
            function->configure(at(x), at(y), at(m), at(v), at(b), at(g), epsilon);
            return done(function);
        });
    }

    Tensor local_response(const std::string &label, Tensor x, const Form &form, int size, float alpha, float beta, float bias) override {
        return simple<typename Back::Normalization>(label, x, form, acl::NormalizationLayerInfo(acl::NormType::CROSS_MAP, size, alpha, beta, bias));
    }

    Tensor concatenate(const std::string &label, const std::vector<Tensor> &parts, const Form &form, int axis) override {
        const Tensor y = add(form);
        const std::size_t place = form.shape.size() - 1 - static_cast<std::size_t>(axis);
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

    Tensor slice(const std::string &label, Tensor x, const Form &form, const Shape &starts, const Shape &ends, const Shape &steps) override {
        // The library forgets outer axes of size 1, and then refuses places along them.
        const std::size_t rank = value(x).store->info()->num_dimensions();
        const acl::Coordinates from = reversed_places(inner(starts, rank)), to = reversed_places(inner(ends, rank));
        bool is_dense = true;
        for (const int step : steps) is_dense = is_dense && step == 1;
        if (is_dense) return simple<typename Back::Slice>(label, x, form, from, to);
        const acl::BiStrides strides = reversed_places(inner(steps, rank));
        return simple<typename Back::StridedSlice>(label, x, form, from, to, strides);
    }

    Tensor pad(const std::string &label, Tensor x, const Form &form, const Shape &before, const Shape &after, Padding mode, float fill) override {
        acl::PaddingList list;
        for (std::size_t axis = before.size(); axis-- > 0;)
            list.emplace_back(static_cast<std::size_t>(before[axis]), static_cast<std::size_t>(after[axis]));
        while (list.size() > 1 && list.back().first == 0 && list.back().second == 0) list.pop_back();
        while (list.size() < Back::least_pads) list.emplace_back(0, 0);
        const auto kind = mode == Padding::reflect ? acl::PaddingMode::REFLECT : acl::PaddingMode::CONSTANT;
        const auto filling = form.kind == Kind::byte ? acl::PixelValue(static_cast<uint8_t>(form.offset)) : acl::PixelValue(fill);
        return simple<typename Back::Pad>(label, x, form, list, filling, kind);
    }

    Tensor permute(const std::string &label, Tensor x, const Form &form, const Shape &order) override {
        acl::PermutationVector permutation;
        const int rank = static_cast<int>(order.size());
        for (int axis = 0; axis < rank; ++axis) permutation.set(axis, rank - 1 - order[rank - 1 - axis]);
        return simple<typename Back::Permute>(label, x, form, permutation);
    }

    Tensor reshape(const std::string &label, Tensor x, const Form &form) override {
        return simple<typename Back::Reshape>(label, x, form);
    }

    Tensor shuffle(const std::string &label, Tensor x, const Form &form, int groups) override {
        return simple<typename Back::Shuffle>(label, x, form, static_cast<unsigned int>(groups));
    }

    Tensor resize(const std::string &label, Tensor x, const Form &form, Sampling sampling) override {
        // Borders are repeated, as ONNX has it. Nearest with the centre policy takes floor((i + 0.5) / scale), which no
        // rounding of 1 / scale can move to a neighbour.
        const auto policy = sampling == Sampling::nearest ? acl::InterpolationPolicy::NEAREST_NEIGHBOR : acl::InterpolationPolicy::BILINEAR;
        const auto places = sampling == Sampling::asymmetric ? acl::SamplingPolicy::TOP_LEFT : acl::SamplingPolicy::CENTER;
#if KIT_ACL_1905
        return simple<typename Back::Scale>(label, x, form, policy, acl::BorderMode::REPLICATE, acl::PixelValue(), places);
#else
        return simple<typename Back::Scale>(label, x, form, acl::ScaleKernelInfo(policy, acl::BorderMode::REPLICATE, acl::PixelValue(), places));
#endif
    }

    Tensor quantize(const std::string &label, Tensor x, const Form &form) override {
        return simple<typename Back::Quantize>(label, x, form);
    }

    Tensor dequantize(const std::string &label, Tensor x, const Form &form) override {
        return simple<typename Back::Dequantize>(label, x, form);
    }

    Tensor mean(const std::string &label, Tensor x, const Form &form, const Shape &axes) override {
        acl::Coordinates places;
        const int rank = static_cast<int>(value(x).form.shape.size());
        for (std::size_t index = 0; index < axes.size(); ++index) places.set(index, rank - 1 - axes[index]);
        const Tensor y = add(form);
        return layer(label, {x}, y, [=] {
            check(label, Back::Mean::validate(info(x), places, true, info(y)));
            auto function = make<typename Back::Mean>(inner_);
            function->configure(at(x), places, true, at(y));
            return done(function);
        });
    }

private:
    template <class F, class... Manager>
    static std::unique_ptr<F> make(Manager... manager) {
        return Net::template make<F>(manager...);
    }

    // A function of one tensor and some settings.
    template <class F, class... Settings>
    Tensor simple(const std::string &label, Tensor x, const Form &form, Settings... settings) {
        const Tensor y = add(form);
        return layer(label, {x}, y, [=] {
            check(label, F::validate(info(x), info(y), settings...));
            auto function = make<F>();
            function->configure(at(x), at(y), settings...);
            return done(function);
        });
    }

    // A function of two tensors and some settings.
    template <class F, class... Settings>
    Tensor pair(const std::string &label, Tensor a, Tensor b, const Form &form, Settings... settings) {
        const Tensor y = add(form);
        return layer(label, {a, b}, y, [=] {
            check(label, F::validate(info(a), info(b), info(y), settings...));
            auto function = make<F>();
            function->configure(at(a), at(b), at(y), settings...);
            return done(function);
        });
    }
};

}  // namespace kit
