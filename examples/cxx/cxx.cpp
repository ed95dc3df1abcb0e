/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C++ without exceptions: virtual functions, templates, new and delete by the firmware,
 * static objects with constructors and destructors, and one in a function that is
 * constructed at its first use. Nothing of the runtime is written or linked here.
 *
 *     FIRMWARE=../../target-loader/firmware
 *     arm-none-eabi-g++ -mcpu=cortex-m4 -mthumb -Os -g -fno-exceptions -fno-rtti \
 *         -I$FIRMWARE/include -c cxx.cpp
 *     arm-none-eabi-g++ -mcpu=cortex-m4 -mthumb -nostdlib -T ../module.ld \
 *         -Wl,--emit-relocs,--unresolved-symbols=ignore-all cxx.o -o cxx.elf -lgcc
 *     mkmod --version 1.0.0 --api $FIRMWARE/firmware.api cxx.elf -o cxx.bin
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

/** A template: of each type and length that is asked for, a class of its own. */
template <typename T, unsigned N> class List {
public:
    bool add(T item) { return count < N && (items[count++] = item, true); }
    T *begin() { return items; }
    T *end() { return items + count; }

private:
    T items[N] = {};
    unsigned count = 0;
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

/** Counts on the journal: constructed after it, destructed before it. */
class Total {
public:
    Total() { fw_print("total constructed\n"); }
    ~Total() { fw_printf("total of %d destructed\n", area); }
    int add(int more) { return area += more; }

private:
    int area = 0;
};

Journal journal;
Total total;

/** The ruler is constructed by the first call, and destructed as the first of all. */
int measure(const Shape &shape)
{
    static const struct Ruler {
        Ruler() { fw_print("ruler constructed\n"); }
        ~Ruler() { fw_print("ruler destructed\n"); }
        int measure(const Shape &shape) const { return shape.area(); }
    } ruler;

    return ruler.measure(shape);
}

} // namespace

extern "C" int module_entry(void *param)
{
    List<Shape *, 4> shapes;
    int area = 0;

    (void)param;
    shapes.add(new Square(7));
    shapes.add(new Rectangle(3, 5));
    for (Shape *shape : shapes) {
        journal.note(*shape);
        area = total.add(measure(*shape));
        delete shape;
    }
    return area == 64 && journal.count() == 2 ? 0 : 1;
}
