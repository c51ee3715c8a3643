// Runs a generated network: the self-test with timings by default, or a network on arrays of your own.
// Prints one JSON document on standard output; exit status 0 when it says PASS.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>

#include "kit.hpp"
#include "npy.hpp"

namespace {

using namespace kit;

const char *const usage =
    "usage: net [--kit FOLDER] [--backend neon|opencl] [--precision fp32|fp16|int8] [--threads N] [--runs N] [--warm-up N]\n"
    "           [--layers] [--input FILE.npy]... [--output-folder FOLDER]\n"
    "  --layers         also time each layer by itself\n"
    "  --input          run on these arrays, in the order of the manifest's inputs, instead of the self-test\n"
    "  --output-folder  write output_0.npy ... there\n";

struct Options {
    std::string folder = ".", backend = "neon", precision = about.precision, output_folder;
    std::vector<std::string> inputs;
    int threads = 0, runs = 20, warm_up = 5;
    bool layers = false;
};

int number(const std::string &text, int least) {
    char *end = nullptr;
    const long value = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end != 0 || value < least || value > 1000000) throw Problem("'" + text + "' is no count from " + std::to_string(least) + " on");
    return static_cast<int>(value);
}

Options read_options(int argc, char **argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--help" || name == "-h") {
            std::fputs(usage, stdout);
            std::exit(0);
        }
        if (name == "--layers") {
            options.layers = true;
            continue;
        }
        if (i + 1 >= argc) throw Problem(name + " needs a value; --help lists what there is");
        const std::string value = argv[++i];
        if (name == "--kit") options.folder = value;
        else if (name == "--backend") options.backend = value;
        else if (name == "--precision") options.precision = value;
        else if (name == "--threads") options.threads = number(value, 1);
        else if (name == "--runs") options.runs = number(value, 1);
        else if (name == "--warm-up") options.warm_up = number(value, 0);
        else if (name == "--input") options.inputs.push_back(value);
        else if (name == "--output-folder") options.output_folder = value;
        else throw Problem("there is no option " + name + "; --help lists what there is");
    }
    return options;
}

std::unique_ptr<Engine> open_engine(const Options &options) {
    const bool is_integer = std::string(about.precision) == "int8";
    if (is_integer && options.precision != "int8") throw Problem("this network was made in 8-bit integers; leave --precision out");
    if (!is_integer && options.precision != "fp32" && options.precision != "fp16") throw Problem("--precision is fp32 or fp16");
    const Precision precision = options.precision == "fp16" ? Precision::fp16 : Precision::fp32;
    if (options.backend == "neon") return make_neon_engine(options.folder, precision, options.threads);
    if (options.backend != "opencl") throw Problem("--backend is neon or opencl");
#ifdef KIT_OPENCL
    return make_opencl_engine(options.folder, precision);
#else
    throw Problem("this program was built without OpenCL; build it with -DKIT_OPENCL=ON");
#endif
}

double milliseconds_of(const std::function<void()> &work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// The largest difference, as a share of the range of the expected values; infinite where one has a number and the other not.
double difference(const std::vector<float> &actual, const std::vector<float> &expected) {
    const double infinity = std::numeric_limits<double>::infinity();
    if (actual.size() != expected.size()) return infinity;
    double gap = 0, low = infinity, high = -infinity, largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double got = actual[i], wanted = expected[i];
        if (std::isfinite(wanted)) {
            low = std::min(low, wanted);
            high = std::max(high, wanted);
            largest = std::max(largest, std::fabs(wanted));
        }
        if (got == wanted || (std::isnan(got) && std::isnan(wanted))) continue;
        const double apart = std::fabs(got - wanted);
        gap = std::isfinite(apart) ? std::max(gap, apart) : infinity;
    }
    const double scale = high > low ? high - low : largest > 0 ? largest : 1;
    return gap / scale;
}

// The share of elements that are further than a step from what is expected. A step is that of the integers which the
// output was made of; one that leaves a layer in floating point counts in 1/255 of its range.
double beyond_a_step(const std::vector<float> &actual, const std::vector<float> &expected, double step) {
    if (actual.size() != expected.size() || expected.empty()) return actual.size() == expected.size() ? 0 : 1;
    if (step <= 0) {
        const auto range = std::minmax_element(expected.begin(), expected.end());
        step = (double(*range.second) - double(*range.first)) / 255;
    }
    std::size_t far = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!(std::fabs(double(actual[i]) - double(expected[i])) <= 1.001 * step)) ++far;
    return double(far) / double(expected.size());
}

std::string quoted(const std::string &text) {
    std::string result = "\"";
    for (const char sign : text) {
        if (sign == '"' || sign == '\\') result += '\\';
        if (static_cast<unsigned char>(sign) >= 32) result += sign;
    }
    return result + "\"";
}

std::string figure(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", value);
    return std::isfinite(value) ? text : "null";
}

// The value below which a share of the sorted times lies, by nearest rank.
double percentile(const std::vector<double> &sorted, double share) {
    const std::size_t rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return sorted[std::min(sorted.size() - 1, rank > 0 ? rank - 1 : 0)];
}

double median(const std::vector<double> &sorted) {
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

std::string timings(std::vector<double> times, int warm_up) {
    std::sort(times.begin(), times.end());
    double sum = 0;
    for (const double one : times) sum += one;
    return "{\"median\": " + figure(median(times)) + ", \"min\": " + figure(times.front()) + ", \"max\": " + figure(times.back()) +
           ", \"mean\": " + figure(sum / static_cast<double>(times.size())) + ", \"percentile_90\": " + figure(percentile(times, 0.9)) +
           ", \"percentile_99\": " + figure(percentile(times, 0.99)) + ", \"runs\": " + std::to_string(times.size()) +
           ", \"warm_up\": " + std::to_string(warm_up) + "}";
}

std::string layer_times(Engine &engine) {
    std::string text;
    for (const Lap &lap : engine.run_layer_by_layer())
        text += (text.empty() ? "" : ",\n    ") + ("{\"layer\": " + quoted(lap.label) + ", \"ms\": " + figure(lap.milliseconds) + "}");
    return "[\n    " + text + "\n  ]";
}

std::vector<float> read_input(const Options &options, const Engine &engine, int index) {
    const std::string path = options.inputs.empty() ? options.folder + "/expected/input_" + std::to_string(index) + ".npy"
                                                    : options.inputs.at(static_cast<std::size_t>(index));
    const Array<float> array = read_npy<float>(path);
    if (array.shape != engine.input_shape(index)) throw Problem(path + ": its shape is not that of the network's input");
    return array.values;
}

// Compares with what was computed at the build, unless the inputs are other ones; says PASS or FAIL.
bool compare(Engine &engine, const Options &options, std::string &text) {
    const bool is_integer = options.precision == "int8";
    const double tolerance = is_integer ? about.beyond_int8 : options.precision == "fp16" ? about.tolerance_fp16 : about.tolerance_fp32;
    bool passes = true;
    text = "  \"tolerance\": " + figure(tolerance) + ",\n  \"outputs\": [";
    for (int index = 0; index < about.outputs; ++index) {
        const std::vector<float> actual = engine.get_output(index);
        const std::string number = std::to_string(index) + ".npy", name = "output_" + number;
        if (!options.output_folder.empty()) write_npy(options.output_folder + "/" + name, engine.output_shape(index), actual);
        if (!options.inputs.empty()) continue;
        const std::vector<float> expected = read_npy<float>(options.folder + "/expected/" + name).values;
        const double share = difference(actual, expected);
        double beyond = 0;
        if (is_integer) beyond = beyond_a_step(actual, read_npy<float>(options.folder + "/expected/board_" + number).values, engine.output_step(index));
        const bool fits = (is_integer ? beyond : share) <= tolerance;
        passes = passes && fits;
        text += std::string(index ? ", " : "") + "{\"index\": " + std::to_string(index) + ", \"difference\": " + figure(share) + (is_integer ? ", \"beyond_a_step\": " + figure(beyond) : "") + ", \"passes\": " + (fits ? "true" : "false") + "}";
    }
    text += "],\n";
    return passes;
}

int run(const Options &options) {
    if (!options.inputs.empty() && static_cast<int>(options.inputs.size()) != about.inputs)
        throw Problem("the network has " + std::to_string(about.inputs) + " inputs; give as many --input");
    std::unique_ptr<Engine> engine = open_engine(options);
    const double setup = milliseconds_of([&] {
        build_network(*engine);
        engine->finish();
    });
    for (int index = 0; index < about.inputs; ++index) engine->set_input(index, read_input(options, *engine, index));
    std::vector<double> times;
    for (int turn = -options.warm_up; turn < options.runs; ++turn) {
        const double time = milliseconds_of([&] { engine->run(); });
        if (turn >= 0) times.push_back(time);
    }
    std::string outputs;
    const bool passes = compare(*engine, options, outputs);
    std::printf("{\n  \"schema_version\": 1,\n  \"verdict\": \"%s\",\n  \"problem\": null,\n", passes ? "PASS" : "FAIL");
    std::printf("  \"backend\": %s,\n  \"precision\": %s,\n  \"threads\": %d,\n", quoted(options.backend).c_str(), quoted(options.precision).c_str(), options.threads);
    std::printf("  \"library\": %s,\n%s", quoted(library_build()).c_str(), outputs.c_str());
    if (options.layers) std::printf("  \"layers\": %s,\n", layer_times(*engine).c_str());
    std::printf("  \"setup_ms\": %s,\n  \"latency_ms\": %s\n}\n", figure(setup).c_str(), timings(times, options.warm_up).c_str());
    return passes ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
    try {
        return run(read_options(argc, argv));
    } catch (const std::exception &error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        std::printf("{\n  \"schema_version\": 1,\n  \"verdict\": \"FAIL\",\n  \"problem\": %s\n}\n", quoted(error.what()).c_str());
        return 1;
    }
}
