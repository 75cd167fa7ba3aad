// What the platform says of its own health, component by component.
#pragma once

#include <string>
#include <vector>

namespace factory::api::health {

enum class Colour : std::uint8_t { green, amber, red };
const char* colour_name(Colour colour);
Colour colour_of(const std::string& name);

struct Finding {
  Colour colour = Colour::green;
  std::string evidence;  // for operators alone
  std::string remedy;    // what to do; empty where there is nothing to do
};

struct Component {
  std::string name;
  Finding finding;
};

// Whether people of a workspace may see the colour of the component.
bool concerns_everybody(const std::string& component);

// Looks at everything but factory.lint(), which takes long, as factory_owner. A check that fails is red and says why.
std::vector<Component> look();
// Runs factory.lint(). As factory_owner.
Finding look_at_lint();

}  // namespace factory::api::health
