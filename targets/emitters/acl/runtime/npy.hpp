// Reads NumPy's files of 32-bit floats, bytes and 32-bit integers, little-endian and in C order, as the kit holds them.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kit.hpp"

namespace kit {

template <class T>
struct Array {
    Shape shape;
    std::vector<T> values;
};

namespace detail {

inline std::string after(const std::string &header, const std::string &key, const std::string &path) {
    const std::size_t place = header.find("'" + key + "':");
    if (place == std::string::npos) throw Problem(path + ": no array file of NumPy: its header lacks " + key);
    return header.substr(header.find(':', place) + 1);
}

inline Shape shape_of(const std::string &header, const std::string &path) {
    const std::string text = after(header, "shape", path);
    Shape shape;
    int number = -1;
    for (const char sign : text.substr(0, text.find(')'))) {
        if (sign >= '0' && sign <= '9') {
            number = (number < 0 ? 0 : number) * 10 + (sign - '0');
        } else if (number >= 0) {
            shape.push_back(number);
            number = -1;
        }
    }
    if (number >= 0) shape.push_back(number);
    return shape;
}

template <class T>
struct Element;
template <>
struct Element<float> {
    static const char *code() { return "'<f4'"; }
    static const char *title() { return "32-bit floats"; }
};
template <>
struct Element<uint8_t> {
    static const char *code() { return "'|u1'"; }
    static const char *title() { return "bytes"; }
};
template <>
struct Element<int32_t> {
    static const char *code() { return "'<i4'"; }
    static const char *title() { return "32-bit integers"; }
};

}  // namespace detail

inline std::size_t count(const Shape &shape) {
    std::size_t product = 1;
    for (const int extent : shape) product *= static_cast<std::size_t>(extent);
    return product;
}

inline std::ifstream open_file(const std::string &path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw Problem(path + ": cannot be read; copy the kit's folder again, whole");
    return stream;
}

template <class T>
Array<T> read_array(std::istream &stream, const std::string &path) {
    unsigned char start[10] = {};
    stream.read(reinterpret_cast<char *>(start), sizeof start);
    if (!stream || std::string(reinterpret_cast<char *>(start), 6) != "\x93NUMPY" || start[6] != 1)
        throw Problem(path + ": no array file of NumPy, version 1");
    std::string header(static_cast<std::size_t>(start[8] | start[9] << 8), ' ');
    stream.read(&header[0], static_cast<std::streamsize>(header.size()));
    if (detail::after(header, "descr", path).find(detail::Element<T>::code()) > 2 || detail::after(header, "fortran_order", path).find("False") > 2)
        throw Problem(path + ": it holds something else than " + detail::Element<T>::title() + " in C order");
    Array<T> array;
    array.shape = detail::shape_of(header, path);
    array.values.resize(count(array.shape));
    stream.read(reinterpret_cast<char *>(array.values.data()), static_cast<std::streamsize>(array.values.size() * sizeof(T)));
    if (!stream) throw Problem(path + ": it is cut short");
    return array;
}

template <class T>
Array<T> read_npy(const std::string &path) {
    std::ifstream stream = open_file(path);
    return read_array<T>(stream, path);
}

// Reads an array that holds one number mostly: a map with a bit for each element, the lowest first, that tells where
// something else stands; then that number, and behind it the others in order.
template <class T>
Array<T> read_packed(const std::string &path, const Shape &shape) {
    std::ifstream stream = open_file(path);
    const std::vector<uint8_t> bits = read_array<uint8_t>(stream, path).values;
    const std::vector<T> values = read_array<T>(stream, path).values;
    Array<T> array;
    array.shape = shape;
    array.values.reserve(count(shape));
    std::size_t next = 1;
    for (std::size_t i = 0; i < count(shape); ++i) {
        const bool is_other = i / 8 < bits.size() && (bits[i / 8] >> i % 8 & 1);
        const std::size_t place = is_other ? next++ : 0;
        if (place >= values.size()) break;
        array.values.push_back(values[place]);
    }
    if (bits.size() != (count(shape) + 7) / 8 || array.values.size() != count(shape) || next != values.size())
        throw Problem(path + ": it is not packed for the shape that the program was made for");
    return array;
}

// Writes what read_npy reads.
inline void write_npy(const std::string &path, const Shape &shape, const std::vector<float> &values) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    for (const int extent : shape) header += std::to_string(extent) + ", ";
    header += "), }";
    header.append(63 - (10 + header.size()) % 64, ' ');
    header += '\n';
    std::ofstream stream(path, std::ios::binary);
    const unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<unsigned char>(header.size() & 255),
                                     static_cast<unsigned char>(header.size() >> 8)};
    stream.write(reinterpret_cast<const char *>(start), sizeof start);
    stream << header;
    stream.write(reinterpret_cast<const char *>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    if (!stream.flush()) throw Problem(path + ": cannot be written");
}

}  // namespace kit
