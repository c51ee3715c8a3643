// The library's own types made from ours, and what differs between its versions 19.05 and 20.08.
#pragma once

#include "arm_compute/core/TensorInfo.h"
#include "arm_compute/core/Types.h"

#include "kit.hpp"

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

inline acl::TensorInfo tensor_info(const Form &form, acl::DataType real) {
    if (form.kind == Kind::byte) return acl::TensorInfo(reversed(form.shape), 1, acl::DataType::QASYMM8, acl::QuantizationInfo(form.scale, form.offset));
    return acl::TensorInfo(reversed(form.shape), 1, form.kind == Kind::whole ? acl::DataType::S32 : real);
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

}  // namespace kit
