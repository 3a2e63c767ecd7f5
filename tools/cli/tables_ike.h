// IKE for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gotthard::cli {

[[nodiscard]] std::string render_connections(const nlohmann::json& result);
[[nodiscard]] std::string render_certificates(const nlohmann::json& result);
[[nodiscard]] std::string render_diagnosis(const nlohmann::json& result);

}  // namespace gotthard::cli
