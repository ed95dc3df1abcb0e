/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C++ without exceptions: virtual functions, a static object with constructor and
 * destructor, new and delete by the firmware.
 *
 *     arm-none-eabi-g++ -mcpu=cortex-m4 -mthumb -Os -fno-exceptions -fno-rtti \
 *         -I../../target-loader/firmware/include -c cxx.cpp
 *     arm-none-eabi-g++ -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all cxx.o -o cxx.elf -lgcc
 *     mkmod --version 1.0.0 cxx.elf -o cxx.bin
 */
#include "firmware.h"

namespace {

class Shape {
public:
    virtual ~Shape() = default;
    virtual int area() const = 0;
    virtual const char *name() const = 0;
};

class Square : public Shape {
public:
    explicit Square(int side) : side(side) {}
    int area() const override { return side * side; }
    const char *name() const override { return "square"; }

private:
    int side;
};

class Rectangle : public Shape {
public:
    Rectangle(int width, int height) : width(width), height(height) {}
    int area() const override { return width * height; }
    const char *name() const override { return "rectangle"; }

private:
    int width, height;
};

/** Its constructor runs before module_entry, its destructor after it. */
class Journal {
public:
    Journal() { fw_print("constructed\n"); }
    ~Journal() { fw_printf("destructed after %d shapes\n", shapes); }
    void note(const Shape &shape)
    {
        shapes++;
        fw_printf("%s of area %d\n", shape.name(), shape.area());
    }
    int count() const { return shapes; }

private:
    int shapes = 0;
};

Journal journal;

} // namespace

extern "C" int module_entry(void *param)
{
    Shape *shapes[] = {new Square(7), new Rectangle(3, 5)};
    int area = 0;

    (void)param;
    for (Shape *shape : shapes) {
        journal.note(*shape);
        area += shape->area();
        delete shape;
    }
    return area == 64 && journal.count() == 2 ? 0 : 1;
}
