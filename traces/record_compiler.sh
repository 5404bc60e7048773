#!/usr/bin/env bash
# Compiles a C++ file that uses many templates with g++ -O2 -g: the driver, cc1plus and as.
source "$(dirname "$0")/common.sh"
need g++ g++

cat >"$scratch/templates.cc" <<'END'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <string>
#include <vector>

int main() {
  std::mt19937 random(1);
  std::map<std::string, std::vector<int>> words;
  const std::regex word("([a-z]+)(-[a-z]+)*");
  for (int i = 0; i < 100; ++i) {
    words[std::to_string(random() % 10)].push_back(i);
    std::sort(words["1"].begin(), words["1"].end(), std::greater<>());
  }
  std::cout << std::regex_match("large-allocations", word) << words.size() << "\n";
}
END

echo "compiling a file with <regex>, <map> and <random>"
record compiler g++ -std=c++17 -O2 -g -c "$scratch/templates.cc" -o "$scratch/templates.o"
