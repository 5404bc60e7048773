// The conformance suite: what every home must do, and what the allocator must do in every home.
//
// A home is a class that takes a budget in pages and offers platform(), allocator(), write() and
// read() of the first word of a page, is_unreachable(), begin_thread(), NoBlock and kAlwaysMap
// (fake_home.h, linux_home.h). A program of a few lines instantiates the suite for it.
#pragma once

#include "tests/conformance/allocation_suite.h"  // IWYU pragma: export
#include "tests/conformance/compound_suite.h"    // IWYU pragma: export
#include "tests/conformance/contract_suite.h"    // IWYU pragma: export

/// Runs the whole suite in a home.
#define VC_CONFORMANCE(name, home)                                   \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, AllocationConformance, home); \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, CompoundConformance, home);   \
  INSTANTIATE_TYPED_TEST_SUITE_P(name, ContractConformance, home)
