/* SPDX-License-Identifier: BSD-2-Clause */
/* Static objects, a function-local one, and something that is never deleted.
 * WHO: its letter. */
#include <FreeRTOS.h>
#include <task.h>

#include "offered.h"

namespace
{

class Object
{
  public:
    explicit Object(int what) : name(what)
    {
        note(WHO, name);
    }
    virtual ~Object()
    {
        note(WHO, -name);
    }

  private:
    int name;
};

Object first(1);
Object second(2);

Object &local()
{
    static Object object(30);
    return object;
}

} // namespace

extern "C" int module_entry(void *param)
{
    (void)param;
    note(WHO, 10);
    int *kept = new int[10];
    if (kept)
        kept[3] = 4;
    note(WHO, 20);
    local();
    local();
    while (!modload_freertos_stopping())
        vTaskDelay(1);
    note(WHO, 40);
    return kept ? kept[3] + 3 : 0;
}
