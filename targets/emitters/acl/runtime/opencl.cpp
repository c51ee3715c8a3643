// The engine on the graphics processor: OpenCL, with the kernels that the library brings along.
#include "arm_compute/core/CL/ICLTensor.h"
#if __has_include("arm_compute/runtime/CL/CLMemoryGroup.h")
#include "arm_compute/runtime/CL/CLMemoryGroup.h"
#define KIT_CL_MEMORY_GROUP acl::CLMemoryGroup
#else
#include "arm_compute/runtime/MemoryGroup.h"
#define KIT_CL_MEMORY_GROUP acl::MemoryGroup
#endif
#include "arm_compute/runtime/CL/CLBufferAllocator.h"
#include "arm_compute/runtime/CL/CLScheduler.h"
#include "arm_compute/runtime/CL/CLTensor.h"
#include "arm_compute/runtime/CL/functions/CLActivationLayer.h"
#include "arm_compute/runtime/CL/functions/CLBatchNormalizationLayer.h"
#include "arm_compute/runtime/CL/functions/CLChannelShuffleLayer.h"
#include "arm_compute/runtime/CL/functions/CLConcatenateLayer.h"
#include "arm_compute/runtime/CL/functions/CLConvolutionLayer.h"
#include "arm_compute/runtime/CL/functions/CLDeconvolutionLayer.h"
#include "arm_compute/runtime/CL/functions/CLDepthwiseConvolutionLayer.h"
#include "arm_compute/runtime/CL/functions/CLDequantizationLayer.h"
#include "arm_compute/runtime/CL/functions/CLElementWiseUnaryLayer.h"
#include "arm_compute/runtime/CL/functions/CLElementwiseOperations.h"
#include "arm_compute/runtime/CL/functions/CLFullyConnectedLayer.h"
#include "arm_compute/runtime/CL/functions/CLNormalizationLayer.h"
#include "arm_compute/runtime/CL/functions/CLPadLayer.h"
#include "arm_compute/runtime/CL/functions/CLPermute.h"
#include "arm_compute/runtime/CL/functions/CLPixelWiseMultiplication.h"
#include "arm_compute/runtime/CL/functions/CLPoolingLayer.h"
#include "arm_compute/runtime/CL/functions/CLQuantizationLayer.h"
#include "arm_compute/runtime/CL/functions/CLReduceMean.h"
#include "arm_compute/runtime/CL/functions/CLReshapeLayer.h"
#include "arm_compute/runtime/CL/functions/CLScale.h"
#include "arm_compute/runtime/CL/functions/CLSlice.h"
#include "arm_compute/runtime/CL/functions/CLSoftmaxLayer.h"
#include "arm_compute/runtime/CL/functions/CLStridedSlice.h"

#include "engine.hpp"

namespace kit {

struct OpenCl {
    using Tensor = acl::CLTensor;
    using Interface = acl::ICLTensor;
    using Group = KIT_CL_MEMORY_GROUP;
    using Allocator = acl::CLBufferAllocator;
    using Activation = acl::CLActivationLayer;
    using Add = acl::CLArithmeticAddition;
    using BatchNorm = acl::CLBatchNormalizationLayer;
    using Concatenate = acl::CLConcatenateLayer;
    using Convolution = acl::CLConvolutionLayer;
    using Deconvolution = acl::CLDeconvolutionLayer;
    using Depthwise = acl::CLDepthwiseConvolutionLayer;
    using Dequantize = acl::CLDequantizationLayer;
    using Divide = acl::CLArithmeticDivision;
    using Exponential = acl::CLExpLayer;
    using FullyConnected = acl::CLFullyConnectedLayer;
    using Maximum = acl::CLElementwiseMax;
    using Mean = acl::CLReduceMean;
    using Minimum = acl::CLElementwiseMin;
    using Multiply = acl::CLPixelWiseMultiplication;
    using Normalization = acl::CLNormalizationLayer;
    using Pad = acl::CLPadLayer;
    using Permute = acl::CLPermute;
    using Pool = acl::CLPoolingLayer;
    using Quantize = acl::CLQuantizationLayer;
    using Reshape = acl::CLReshapeLayer;
    using Scale = acl::CLScale;
    using Shuffle = acl::CLChannelShuffleLayer;
    using Slice = acl::CLSlice;
    using Softmax = acl::CLSoftmaxLayer;
    using StridedSlice = acl::CLStridedSlice;
    using Subtract = acl::CLArithmeticSubtraction;

    static constexpr std::size_t least_pads = 1;  // 19.05 refuses more than the tensor has axes

    static std::unique_ptr<Allocator> make_allocator() { return make_with(std::is_default_constructible<Allocator>()); }
    static void map(Tensor &tensor) { tensor.map(true); }
    static void unmap(Tensor &tensor) { tensor.unmap(); }
    static void wait() { acl::CLScheduler::get().sync(); }

private:
    template <class A = Allocator>
    static std::unique_ptr<A> make_with(std::true_type) {
        return std::unique_ptr<A>(new A());
    }
    template <class A = Allocator>
    static std::unique_ptr<A> make_with(std::false_type) {  // as 19.05 has it
        return std::unique_ptr<A>(new A(acl::CLScheduler::get().context()));
    }
};

std::unique_ptr<Engine> make_opencl_engine(const std::string &folder, Precision precision) {
    if (!acl::opencl_is_available()) throw Problem("there is no OpenCL driver; install the board's libOpenCL.so, or use --backend neon");
    acl::CLScheduler::get().default_init();
    return std::unique_ptr<Engine>(new EngineOn<OpenCl>(folder, precision));
}

}  // namespace kit
