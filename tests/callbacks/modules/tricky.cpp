// SPDX-License-Identifier: BSD-2-Clause
// What of C++ has pointers to functions in it, and static objects of all kinds. Says the
// same whether it is loaded into RAM or runs in place as code that counts on r9.
#include "firmware.h"

namespace
{

struct Loud {
    explicit Loud(int n) : name(n)
    {
        fw_printf("make %d\n", name);
    }
    ~Loud()
    {
        fw_printf("end %d\n", name);
    }
    int name;
};

// Virtual bases: tables of tables, and thunks that look for `this`.
struct Animal {
    virtual ~Animal()
    {
        fw_print("~Animal\n");
    }
    virtual int legs(int a, int b, int c, int d, int e) const = 0;
    int age = 3;
};
struct Swimmer : virtual Animal {
    virtual int depth() const
    {
        return age * 10;
    }
};
struct Walker : virtual Animal {
    int legs(int a, int b, int c, int d, int e) const override
    {
        return a + b + c + d + e;
    }
};
struct Duck final : Swimmer, Walker {
    int legs(int a, int b, int c, int d, int e) const override
    {
        return 2 + Walker::legs(a, b, c, d, e) * age;
    }
    int depth() const override
    {
        return 1;
    }
};

// Pointers to members, virtual ones too, in data and in code.
struct Machine {
    virtual int up(int n)
    {
        return state += n;
    }
    int down(int n)
    {
        return state -= n;
    }
    int state = 100;
};
struct Better : Machine {
    int up(int n) override
    {
        return state += 2 * n;
    }
};
typedef int (Machine::*step)(int);
const step steps[] = {&Machine::up, &Machine::down};

// A static member of a template, with a constructor; a static of an inline function.
template <int N> struct Counter {
    static Loud loud;
    static int next()
    {
        static int count = N;
        return ++count;
    }
};
template <int N> Loud Counter<N>::loud(N);

inline Loud &once()
{
    static Loud loud(7);
    return loud;
}

// Erased types, as std::function has them.
class Function
{
  public:
    template <typename F>
    Function(const F &f)
        : object(new F(f)),
          call([](void *o, int n) { return (*static_cast<F *>(o))(n); }),
          end([](void *o) { delete static_cast<F *>(o); })
    {
    }
    ~Function()
    {
        end(object);
    }
    int operator()(int n) const
    {
        return call(object, n);
    }

  private:
    void *object;
    int (*call)(void *, int);
    void (*end)(void *);
};

struct Plain {
    int (*f)(int);
    const char *text;
};
int twice(int n)
{
    return 2 * n;
}
int square(int n)
{
    return n * n;
}
const Plain table[] = {{twice, "twice"}, {square, "square"}};
int (&reference)(int) = square;

Loud first(1);
Loud later(2);

} // namespace

extern "C" int module_entry(void *)
{
    const Animal &animal = *new Duck;
    Better better;
    Machine &machine = better;
    int k = 5;
    Function add([&k](int n) { return n + k++; });

    fw_printf("legs %d depth %d\n", animal.legs(1, 2, 3, 4, 5),
              static_cast<const Swimmer &>(static_cast<const Duck &>(*new Duck)).depth());
    delete &animal;
    for (step s : steps)
        fw_printf("machine %d\n", (machine.*s)(10));
    fw_printf("same %d\n", steps[1] == &Machine::down && steps[0] != &Machine::down);
    fw_printf("count %d %d %d\n", Counter<50>::next(), Counter<50>::next(),
              Counter<60>::next() + Counter<50>::loud.name);
    fw_printf("once %d %d\n", once().name, &once() == &once());
    fw_printf("add %d %d\n", add(1), add(1));
    for (const Plain &p : table)
        fw_printf("%s %d %d\n", p.text, p.f(9), p.f == reference);
    return 0;
}
