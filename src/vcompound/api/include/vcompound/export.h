// VC_API marks what a shared build of the library shows to the outside.
#pragma once

#if defined(__GNUC__)
#define VC_API __attribute__((visibility("default")))
#else
#define VC_API
#endif
