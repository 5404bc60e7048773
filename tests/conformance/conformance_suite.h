// The conformance suite: what every home must do, and what the allocator must do in every home.
//
// A home is a class that takes a budget in pages and offers
//
//   platform(), allocator()      what is tested
//   write(), read()              the first word of a page, from one CPU after the other
//   is_unreachable()             can nobody reach that address?
//   always_map()                 is the fallback forced?
//   NoBlock                      a scope in which nothing may block
//   run_threads(), run_in_slots(), run_beside(), concurrent_slots(), yield()
//                                several callers at once: see std_threads.h
//
// (fake_home.h, linux_home.h, and the kernel's kernel_home.h). A program of a few lines
// instantiates the suite for it. The suite needs no operating system: of the standard library it
// uses <array>, <vector>, <utility> and <cstring>.
#pragma once

#include "tests/conformance/allocation_suite.h"  // IWYU pragma: export
#include "tests/conformance/compound_suite.h"    // IWYU pragma: export
#include "tests/conformance/contract_suite.h"    // IWYU pragma: export

/// Runs the whole suite in a home.
#define VC_CONFORMANCE(name, home)                                   \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, AllocationConformance, home); \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, CompoundConformance, home);   \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, ContractConformance, home)
