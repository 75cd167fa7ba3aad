#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/path_template.hpp"

namespace factory::core {

/// Finds what is declared for a method and path by walking a tree of segments, whatever the number of routes.
template <typename Target>
class Router {
 public:
  struct Match {
    /// What was added, valid as long as the router is not changed; nullptr when nothing fits.
    const Target* target = nullptr;
    Captures captures;
    /// The methods of the path, sorted, when `target` is nullptr; empty when the path is unknown too.
    std::vector<std::string> allowed;
  };

  /// Adds a route; false, and nothing changes, when method and shape of the path are taken already (the names of
  /// captures make no difference).
  bool add(std::string_view method, const PathTemplate& path, Target target) {
    Node* node = &root_;
    for (const auto& segment : path.segments()) node = &child(*node, segment);
    auto [entry, added] = node->routes.try_emplace(std::string(method), Route{path, std::move(target)});
    return added;
  }

  /// Finds by exact method and decoded segments. Literal segments win over captures, from the left.
  Match find(std::string_view method, std::span<const std::string> segments) const {
    Match match;
    if (const Route* route = walk(root_, method, segments, match.allowed)) {
      match.target = &route->target;
      match.captures = *route->path.match(segments);
      match.allowed.clear();
    }
    std::sort(match.allowed.begin(), match.allowed.end());
    match.allowed.erase(std::unique(match.allowed.begin(), match.allowed.end()), match.allowed.end());
    return match;
  }

 private:
  struct Route {
    PathTemplate path;
    Target target;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> capture;
    std::map<std::string, Route, std::less<>> routes;
  };

  static Node& child(Node& node, const PathTemplate::Segment& segment) {
    auto& slot = segment.capture ? node.capture : node.literals[segment.text];
    if (!slot) slot = std::make_unique<Node>();
    return *slot;
  }

  static const Route* walk(const Node& node, std::string_view method, std::span<const std::string> rest,
                           std::vector<std::string>& allowed) {
    if (rest.empty()) {
      if (const auto found = node.routes.find(method); found != node.routes.end()) return &found->second;
      for (const auto& [name, route] : node.routes) allowed.push_back(name);
      return nullptr;
    }
    if (rest.front().empty()) return nullptr;
    if (const auto literal = node.literals.find(rest.front()); literal != node.literals.end()) {
      if (const Route* route = walk(*literal->second, method, rest.subspan(1), allowed)) return route;
    }
    return node.capture ? walk(*node.capture, method, rest.subspan(1), allowed) : nullptr;
  }

  Node root_;
};

}  // namespace factory::core
