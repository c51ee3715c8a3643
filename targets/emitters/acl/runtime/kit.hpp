// What a generated network and the program around it know of the engine: plain C++11, nothing of the library.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace kit {

using Shape = std::vector<int>;  // in ONNX's order: batch, channels, height, width
using Tensor = int;              // a handle that the builder gives out

// Something that the person at the board has to put right; the text names the layer or the file.
struct Problem : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Precision { fp32, fp16 };
enum class Kind { real, byte, whole };
enum class Function { none, relu, bounded_relu, clip, leaky_relu, sigmoid, tanh, soft_relu, absolute, square_root, square, linear };
enum class Arithmetic { add, subtract, multiply, divide, maximum, minimum };
enum class Pooling { maximum, average };
enum class Rounding { down, up };
enum class Sampling { nearest, half_pixel, asymmetric };
enum class Padding { constant, reflect };

// An activation function and its parameters, as the library counts them: clip holds values between b and a,
// linear is a * x + b.
struct Activation {
    Function function = Function::none;
    float a = 0, b = 0;
    Activation() = default;
    Activation(Function function_, float a_ = 0, float b_ = 0) : function(function_), a(a_), b(b_) {}
};

// How a window moves over an image; pads are top, left, bottom, right.
struct Window {
    int stride_y = 1, stride_x = 1;
    int top = 0, left = 0, bottom = 0, right = 0;
    int dilation_y = 1, dilation_x = 1;
    Window() = default;
    Window(int sy, int sx, int t, int l, int b, int r, int dy = 1, int dx = 1)
        : stride_y(sy), stride_x(sx), top(t), left(l), bottom(b), right(r), dilation_y(dy), dilation_x(dx) {}
};

// A tensor's shape and what its elements are: real numbers in the network's precision; bytes, which stand for
// scale * (byte - offset); or whole numbers of 32 bits.
struct Form {
    Shape shape;
    Kind kind = Kind::real;
    float scale = 0;
    int offset = 0;
    Form() = default;
    Form(std::initializer_list<int> shape_) : shape(shape_) {}
    Form(Shape shape_) : shape(std::move(shape_)) {}
    Form(Shape shape_, Kind kind_, float scale_, int offset_) : shape(std::move(shape_)), kind(kind_), scale(scale_), offset(offset_) {}
};

inline Form bytes(Shape shape, float scale, int offset) { return Form(std::move(shape), Kind::byte, scale, offset); }
inline Form wholes(Shape shape) { return Form(std::move(shape), Kind::whole, 0, 0); }

// A constant: the form that the library is given, and the file in the kit's folder; no file, no tensor.
struct Weight {
    std::string file;
    Form form;
    Weight() = default;
    Weight(std::string file_, Form form_) : file(std::move(file_)), form(std::move(form_)) {}
};

// Takes a network layer by layer. `form` is the result's; labels name the layers in messages and timings.
class Builder {
public:
    virtual ~Builder() = default;
    virtual Tensor input(int index, const Shape &shape) = 0;
    virtual void output(int index, Tensor x, float step = 0) = 0;  // bytes are `step` apart; 0 where reals leave
    virtual Tensor constant(const Weight &value) = 0;
    virtual Tensor convolution(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias, const Window &window, const Activation &activation) = 0;
    virtual Tensor depthwise(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias, const Window &window, int multiplier, const Activation &activation) = 0;
    virtual Tensor deconvolution(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias, const Window &window) = 0;
    virtual Tensor pool(const std::string &label, Tensor x, const Form &form, Pooling kind, int height, int width, const Window &window, Rounding rounding, bool counts_pads) = 0;
    virtual Tensor pool_all(const std::string &label, Tensor x, const Form &form, Pooling kind) = 0;
    virtual Tensor fully_connected(const std::string &label, Tensor x, const Form &form, const Weight &weight, const Weight &bias) = 0;
    virtual Tensor activation(const std::string &label, Tensor x, const Form &form, const Activation &activation) = 0;
    virtual void activate(const std::string &label, Tensor x, const Activation &activation) = 0;  // in place
    virtual Tensor arithmetic(const std::string &label, Arithmetic kind, Tensor a, Tensor b, const Form &form) = 0;
    virtual Tensor exponential(const std::string &label, Tensor x, const Form &form) = 0;
    virtual Tensor softmax(const std::string &label, Tensor x, const Form &form) = 0;  // over the last axis
    virtual Tensor batch_norm(const std::string &label, Tensor x, const Form &form, const Weight &mean, const Weight &variance, const Weight &shift, const Weight &scale, float epsilon) = 0;
    virtual Tensor local_response(const std::string &label, Tensor x, const Form &form, int size, float alpha, float beta, float bias) = 0;
    virtual Tensor concatenate(const std::string &label, const std::vector<Tensor> &parts, const Form &form, int axis) = 0;
    virtual Tensor slice(const std::string &label, Tensor x, const Form &form, const Shape &starts, const Shape &ends, const Shape &steps) = 0;
    virtual Tensor pad(const std::string &label, Tensor x, const Form &form, const Shape &before, const Shape &after, Padding mode, float value) = 0;
    virtual Tensor permute(const std::string &label, Tensor x, const Form &form, const Shape &order) = 0;
    virtual Tensor reshape(const std::string &label, Tensor x, const Form &form) = 0;
    virtual Tensor shuffle(const std::string &label, Tensor x, const Form &form, int groups) = 0;
    virtual Tensor resize(const std::string &label, Tensor x, const Form &form, Sampling sampling) = 0;
    virtual Tensor quantize(const std::string &label, Tensor x, const Form &form) = 0;
    virtual Tensor dequantize(const std::string &label, Tensor x, const Form &form) = 0;
    virtual Tensor mean(const std::string &label, Tensor x, const Form &form, const Shape &axes) = 0;
};

// How long a layer took in the last run.
struct Lap {
    std::string label;
    double milliseconds;
};

// A network that runs: build it, call finish() once, then set the inputs, run and read the outputs as often as you like.
class Engine : public Builder {
public:
    virtual void finish() = 0;
    virtual void set_input(int index, const std::vector<float> &values) = 0;
    virtual std::vector<float> get_output(int index) = 0;
    virtual const Shape &input_shape(int index) const = 0;
    virtual const Shape &output_shape(int index) const = 0;
    virtual float output_step(int index) const = 0;
    virtual void run() = 0;
    virtual std::vector<Lap> run_layer_by_layer() = 0;
};

// `folder` is the kit's, where the weights are; with `threads` 0 the library chooses.
std::unique_ptr<Engine> make_neon_engine(const std::string &folder, Precision precision, int threads);
std::unique_ptr<Engine> make_opencl_engine(const std::string &folder, Precision precision);

// The library's own words on its version and how it was built.
std::string library_build();

// The generated part: the network, and what the program around it has to know.
void build_network(Builder &net);

struct About {
    const char *precision;  // the one that the network was made for
    double tolerance_fp32, tolerance_fp16;  // largest difference, as a share of the range
    double beyond_int8;                     // largest share of elements that may be off by more than a step
    int inputs, outputs;
};
extern const About about;

}  // namespace kit
