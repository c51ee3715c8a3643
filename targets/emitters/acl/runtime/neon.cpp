// The engine on the processor: NEON.
#include "arm_compute/core/ITensor.h"
#include "arm_compute/runtime/Allocator.h"
#include "arm_compute/runtime/MemoryGroup.h"
#include "arm_compute/runtime/NEON/functions/NEActivationLayer.h"
#include "arm_compute/runtime/NEON/functions/NEArithmeticAddition.h"
#include "arm_compute/runtime/NEON/functions/NEArithmeticSubtraction.h"
#include "arm_compute/runtime/NEON/functions/NEBatchNormalizationLayer.h"
#include "arm_compute/runtime/NEON/functions/NEChannelShuffleLayer.h"
#include "arm_compute/runtime/NEON/functions/NEConcatenateLayer.h"
#include "arm_compute/runtime/NEON/functions/NEConvolutionLayer.h"
#include "arm_compute/runtime/NEON/functions/NEDeconvolutionLayer.h"
#include "arm_compute/runtime/NEON/functions/NEDepthwiseConvolutionLayer.h"
#include "arm_compute/runtime/NEON/functions/NEDequantizationLayer.h"
#include "arm_compute/runtime/NEON/functions/NEElementwiseOperations.h"
#include "arm_compute/runtime/NEON/functions/NEElementwiseUnaryLayer.h"
#include "arm_compute/runtime/NEON/functions/NEFullyConnectedLayer.h"
#include "arm_compute/runtime/NEON/functions/NENormalizationLayer.h"
#include "arm_compute/runtime/NEON/functions/NEPadLayer.h"
#include "arm_compute/runtime/NEON/functions/NEPermute.h"
#include "arm_compute/runtime/NEON/functions/NEPixelWiseMultiplication.h"
#include "arm_compute/runtime/NEON/functions/NEPoolingLayer.h"
#include "arm_compute/runtime/NEON/functions/NEQuantizationLayer.h"
#include "arm_compute/runtime/NEON/functions/NEReduceMean.h"
#include "arm_compute/runtime/NEON/functions/NEReshapeLayer.h"
#include "arm_compute/runtime/NEON/functions/NEScale.h"
#include "arm_compute/runtime/NEON/functions/NESlice.h"
#include "arm_compute/runtime/NEON/functions/NESoftmaxLayer.h"
#include "arm_compute/runtime/NEON/functions/NEStridedSlice.h"
#include "arm_compute/runtime/Scheduler.h"
#include "arm_compute/runtime/Tensor.h"
#if __has_include("arm_compute/core/Version.h")
#include "arm_compute/core/Version.h"
#else
#include "arm_compute/core/Utils.h"  // where 19.05 has build_information
#endif

#include "engine.hpp"

namespace kit {

struct Neon {
    using Tensor = acl::Tensor;
    using Interface = acl::ITensor;
    using Group = acl::MemoryGroup;
    using Allocator = acl::Allocator;
    using Activation = acl::NEActivationLayer;
    using Add = acl::NEArithmeticAddition;
    using BatchNorm = acl::NEBatchNormalizationLayer;
    using Concatenate = acl::NEConcatenateLayer;
    using Convolution = acl::NEConvolutionLayer;
    using Deconvolution = acl::NEDeconvolutionLayer;
    using Depthwise = acl::NEDepthwiseConvolutionLayer;
    using Dequantize = acl::NEDequantizationLayer;
    using Divide = acl::NEElementwiseDivision;
    using Exponential = acl::NEExpLayer;
    using FullyConnected = acl::NEFullyConnectedLayer;
    using Maximum = acl::NEElementwiseMax;
    using Mean = acl::NEReduceMean;
    using Minimum = acl::NEElementwiseMin;
    using Multiply = acl::NEPixelWiseMultiplication;
    using Normalization = acl::NENormalizationLayer;
    using Pad = acl::NEPadLayer;
    using Permute = acl::NEPermute;
    using Pool = acl::NEPoolingLayer;
    using Quantize = acl::NEQuantizationLayer;
    using Reshape = acl::NEReshapeLayer;
    using Scale = acl::NEScale;
    using Shuffle = acl::NEChannelShuffleLayer;
    using Slice = acl::NESlice;
    using Softmax = acl::NESoftmaxLayer;
    using StridedSlice = acl::NEStridedSlice;
    using Subtract = acl::NEArithmeticSubtraction;

    // For up to three axes of bytes the library pads as if its tensors lay in one piece, and later layers may want room
    // around them.
    static constexpr std::size_t least_pads = 4;

    static std::unique_ptr<Allocator> make_allocator() { return std::unique_ptr<Allocator>(new Allocator()); }
    static void map(Tensor &) {}
    static void unmap(Tensor &) {}
    static void wait() {}
};

std::unique_ptr<Engine> make_neon_engine(const std::string &folder, Precision precision, int threads) {
    if (precision == Precision::fp16) throw Problem("the RK3399's processor has no FP16 arithmetic; use --backend opencl, or --precision fp32");
    if (threads > 0) acl::Scheduler::get().set_num_threads(static_cast<unsigned int>(threads));
    return std::unique_ptr<Engine>(new EngineOn<Neon>(folder, precision));
}

std::string library_build() { return acl::build_information(); }

}  // namespace kit
