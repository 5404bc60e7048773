# The kernel on machines of many shapes: little memory, much of it, holes, and maps that lie. What is
# tested in each: kernel/test/memory_test.cc and memory_listing_test.cc.
#
# QEMU makes an honest map itself, so the hostile ones are given by the boot parameter memmap=, which
# stands in for the loader's map and goes the same way. They never promise RAM that is not there.
set(memory "Memory*.*,DirectGuard.*")

vc_add_kernel_test(NAME memory_24M TEST ${memory} MEMORY 24M CPUS 1 4)
vc_add_kernel_test(NAME memory_6G TEST ${memory} MEMORY 6G CPUS 2 TIMEOUT 120)
vc_add_kernel_test(NAME memory_nodes TEST ${memory} MEMORY 512M NUMA 2 CPUS 2)
vc_add_kernel_test(NAME memory_many_nodes TEST ${memory} MEMORY 512M NUMA 4 CPUS 4)
vc_add_kernel_test(NAME memory_q35_no_huge_leaves TEST ${memory} MEMORY 3G
  QEMU -machine q35 -cpu qemu64)
vc_add_kernel_test(NAME memory_limit TEST ${memory} APPEND memory=96M hot_add=32M)

# ---- maps ---------------------------------------------------------------------------------------

vc_add_kernel_test(NAME memory_holes TEST ${memory}
  APPEND memmap=0:640k:1,1M:40M:1,48M:16M:1,80M:100k:1,96M:32M:1,200M:40M:1
  EXPECT "128.7 MiB RAM in 6 ranges")
vc_add_kernel_test(NAME memory_many_holes TEST ${memory}
  APPEND memmap=0:256M:1,17M:1:2,19M:1:2,21M:1:2,23M:1:2,25M:1:2,27M:1:2,29M:1:2,31M:1:2,33M:1:2
  EXPECT "RAM in 10 ranges")

# Overlaps, wraps, empty and misaligned entries, RAM that is called something else as well.
string(JOIN "," hostile
  0x1ff00000:0xffffffffffffffff:2 0:4G:1 0x8000000:0x10000:7 1M:64M:1
  0xfffffffffffff000:0x2000:1 60M:1:2 100M:0:1 0xffffffffffff0000:0x20000:1
  255M:0xffffffffffffffff:2 33M:4097:0 128M:5000:4 70M:64M:1 0:1:2)
vc_add_kernel_test(NAME memory_hostile_map TEST ${memory} CPUS 1 2 APPEND memmap=${hostile}
  EXPECT "254.9 MiB RAM in 4 ranges, .* 3 entries ignored")
vc_add_kernel_test(NAME memory_far_away TEST ${memory}
  APPEND memmap=0:128M:1,0x8000000000:2M:1 EXPECT "too far away: 2 MiB")

# Other CPUs start in a page below 1 MiB; where it is not ours, they stay asleep.
vc_add_kernel_test(NAME memory_no_first_mib TEST ${memory} CPUS 2 APPEND memmap=1M:255M:1
  EXPECT "the other CPUs stay asleep: no RAM where they would start")

vc_add_kernel_test(NAME memory_none APPEND memmap=0:256M:2
  EXPECT_PANIC "PANIC: no memory to work with: the memory map names 0 B of RAM that can be used")
vc_add_kernel_test(NAME memory_too_little MEMORY 6M
  EXPECT_PANIC "PANIC: no memory to work with: the memory map names [0-9.]+ MiB .* needs 8 MiB")
vc_add_kernel_test(NAME memory_none_low APPEND memmap=2G:1G:1
  EXPECT_PANIC "PANIC: no adjacent frames below 1 GiB: page tables")
vc_add_kernel_test(NAME memory_only_image APPEND memmap=0x200000:600k:1
  EXPECT_PANIC "PANIC: no memory to work with")
vc_add_kernel_test(NAME memory_no_map APPEND memmap=0:1M:RAM
  EXPECT_PANIC "PANIC: memmap= is no memory map, from here on: 0:1M:RAM")
vc_add_kernel_test(NAME memory_hot_add_too_much APPEND hot_add=200M
  EXPECT_PANIC "PANIC: hot_add= asks for more than half")

# ---- what becomes of requests -------------------------------------------------------------------

set(policy "MemoryPolicy.*,MemoryListing.*,MemoryTables.*,MemoryProtection.*")
vc_add_kernel_test(NAME memory_contiguous_only TEST ${policy}
  APPEND policy=contiguous_only fragment=80%:32k:7
  EXPECT "page allocation failure: order:[0-9]+, mode: required, from kernel/test/memory_policy_test.cc")
vc_add_kernel_test(NAME memory_fragmented TEST ${policy} APPEND fragment=96.8%:32k
  EXPECT "fragment: [0-9]+ blocks of 32 KiB")
vc_add_kernel_test(NAME memory_fragmented_pages TEST ${policy} APPEND fragment=50%:4k:3 CPUS 2)
vc_add_kernel_test(NAME memory_fragmented_little TEST ${policy} MEMORY 24M APPEND fragment=60%:12k)
vc_add_kernel_test(NAME memory_sometimes_map TEST ${memory} APPEND always_map=50%)
vc_add_kernel_test(NAME memory_every_third_mapped TEST ${policy} APPEND always_map=every:3)
vc_add_kernel_test(NAME memory_forced_site TEST ${memory} APPEND always_map=site:memory_policy_test.cc)

# ---- wrong addresses ----------------------------------------------------------------------------

vc_add_kernel_test(NAME memory_physical_of_mapped TEST PanicMemory.PhysicalAddressOfMappedMemory
  EXPECT_PANIC "no physical address: mapped memory .* called from kernel/test/memory_test.cc:[0-9]+")
vc_add_kernel_test(NAME memory_physical_of_nothing TEST PanicMemory.PhysicalAddressOfNothing
  EXPECT_PANIC "no physical address: not in a compound in use.* kernel/test/memory_test.cc:[0-9]+")
